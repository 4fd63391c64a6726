/**
 * A connection to a Redis host: commands go out one behind the other, and the answers come in that order.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis
 */
import { Timer } from '#base/timers.ts';
import type { RedisSettings } from '#config/model/redis-proxy.ts';
import type { RedisCluster } from '#proxy/network/redis/redis-cluster.ts';
import { asEvent, clock, type Flushable, flushLater } from '#proxy/transport/io-event.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { type ConnectionUser, UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import { RespReader } from '#wire/redis/resp-reader.ts';
import { encodeCommand } from '#wire/redis/resp-value.ts';

/** Waits for an answer. */
export interface RedisWaiter {
  /** @param reply the answer as it came: an error too */
  onReply(reply: Buffer): void;
  /** There will be none. @param unreachable no host took the command */
  onFailure(unreachable: boolean): void;
}

interface Pending {
  waiter: RedisWaiter;
  command: string;
  sentAt: number;
}

/** For commands whose answers nobody waits for. */
export const IGNORED: RedisWaiter = { onReply() {}, onFailure() {} };

export class RedisClient implements ConnectionUser, Flushable {
  readonly host: Host;
  private readonly cluster: RedisCluster;
  private readonly settings: RedisSettings;
  private readonly connection: UpstreamConnection;
  private readonly outgoing: Outgoing;
  private readonly reader = new RespReader(false);
  private pending: Pending[] = [];
  private gathered: Buffer[] = [];
  private gatheredBytes = 0;
  private connected = false;
  private flushing = false;
  private closing = false;
  private drained = false;
  private readonly opTimer: Timer;
  private readonly flushTimer: Timer;

  constructor(cluster: RedisCluster, host: Host) {
    this.cluster = cluster;
    this.host = host;
    this.settings = cluster.settings;
    this.connection = new UpstreamConnection(
      // As in Envoy, which counts commands of Redis, and no bytes.
      { cluster: cluster.cluster, host, priority: 'DEFAULT', serverName: '', alpn: [], bytesUncounted: true },
      this,
    );
    this.outgoing = new Outgoing(this.connection.socket);
    this.opTimer = new Timer(() => asEvent(() => this.onOpTimeout()));
    this.flushTimer = new Timer(() => asEvent(() => this.flush()));
    const { redis } = cluster.cluster.config;
    if (redis !== undefined && redis.authPassword !== '') {
      const names = redis.authUsername === '' ? [] : [redis.authUsername];
      this.send('auth', encodeCommand(['auth', ...names, redis.authPassword]), IGNORED);
    }
    if (this.settings.readPolicy !== 'MASTER') this.send('readonly', encodeCommand(['readonly']), IGNORED);
  }

  /** Answers to come. */
  get active(): number {
    return this.pending.length;
  }

  send(command: string, bytes: Buffer, waiter: RedisWaiter): void {
    const { stats } = this.cluster.cluster;
    stats.upstreamRqTotal.inc();
    stats.upstreamRqActive.inc();
    this.host.stats.rqTotal.inc();
    this.host.stats.rqActive.add(1);
    this.pending.push({ waiter, command, sentAt: clock.now() });
    this.gathered.push(bytes);
    this.gatheredBytes += bytes.length;
    this.connection.active = this.pending.length;
    if (!this.connected) return;
    const { timers } = this.cluster.cluster.worker;
    if (this.pending.length === 1) timers.arm(this.opTimer, this.settings.opTimeout);
    const { maxBufferSizeBeforeFlush: most, bufferFlushTimeout } = this.settings;
    if (most === 0 || this.gatheredBytes >= most) this.flushSoon();
    else if (!this.flushTimer.armed) timers.arm(this.flushTimer, bufferFlushTimeout);
  }

  /** Its host is no member any more: it closes with its last answer. */
  drain(): void {
    this.drained = true;
    this.leave();
  }

  /** Nothing more will be sent: it closes with its last answer. */
  leave(): void {
    this.closing = true;
    if (this.pending.length === 0) this.finish();
  }

  private finish(): void {
    if (this.drained) this.cluster.stats.upstreamCxDrained.inc();
    this.close();
  }

  /** Ends it at once; who waits is told. */
  close(): void {
    if (this.connection.closed) return;
    this.connection.close();
    this.connection.socket.destroy();
    this.fail();
  }

  flush(): void {
    this.flushing = false;
    if (!this.connected || this.gathered.length === 0) return;
    const bytes = this.gathered.length === 1 ? this.gathered[0] : Buffer.concat(this.gathered);
    this.gathered = [];
    this.gatheredBytes = 0;
    this.cluster.cluster.worker.timers.cancel(this.flushTimer);
    this.outgoing.writeBytes(bytes);
  }

  onConnected(): void {
    this.connected = true;
    if (this.pending.length > 0) this.cluster.cluster.worker.timers.arm(this.opTimer, this.settings.opTimeout);
    this.flush();
  }

  onRead(count: number, bytes: Buffer): void {
    this.reader.push(bytes, count);
    try {
      for (let reply = this.reader.next(); reply !== undefined; reply = this.reader.next()) this.onReply(reply);
    } catch {
      this.cluster.cluster.stats.upstreamCxProtocolError.inc();
      this.host.stats.rqError.inc();
      this.close();
    }
  }

  private onReply(reply: Buffer): void {
    const { timers } = this.cluster.cluster.worker;
    const pending = this.pending.shift();
    if (pending === undefined) return this.close();
    this.answered();
    this.host.stats.rqSuccess.inc();
    this.cluster.countCommand(pending.command, reply[0] !== MINUS, clock.now() - pending.sentAt);
    if (this.pending.length === 0) timers.cancel(this.opTimer);
    else timers.arm(this.opTimer, this.settings.opTimeout);
    pending.waiter.onReply(reply);
    if (this.closing && this.pending.length === 0) this.finish();
  }

  onEnd(): void {
    this.connection.socket.destroy();
  }

  onDrain(): void {}

  onMaxDuration(): void {
    this.cluster.cluster.stats.upstreamCxMaxDurationReached.inc();
    this.cluster.forget(this);
    this.leave();
  }

  onClosed(): void {
    this.fail();
  }

  private onOpTimeout(): void {
    this.cluster.cluster.stats.upstreamRqTimeout.inc();
    this.host.stats.rqTimeout.inc();
    this.close();
  }

  /** No answer comes any more. */
  private fail(): void {
    const { timers } = this.cluster.cluster.worker;
    timers.cancel(this.opTimer);
    timers.cancel(this.flushTimer);
    this.cluster.forget(this);
    const waiting = this.pending;
    this.pending = [];
    for (const { waiter, command, sentAt } of waiting) {
      this.answered();
      this.host.stats.rqError.inc();
      this.cluster.countCommand(command, false, clock.now() - sentAt);
      waiter.onFailure(false);
    }
  }

  private answered(): void {
    this.cluster.cluster.stats.upstreamRqActive.dec();
    this.host.stats.rqActive.add(-1);
    this.connection.active = this.pending.length;
  }

  /** At the end of this event, with what else is sent in it. */
  private flushSoon(): void {
    if (this.flushing) return;
    this.flushing = true;
    flushLater(this);
  }
}

const MINUS = 0x2d;
