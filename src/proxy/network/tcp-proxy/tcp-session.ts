/**
 * One client's connection and the one to the upstream host that it is carried on: bytes both ways, each side paused while the other takes no
 * more, half-closes passed on, attempts repeated until one succeeds.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/tcp_proxy
 */

import type { Socket } from 'node:net';
import { jittered } from '#base/jitter.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { addTlvs } from '#proxy/network/tcp-proxy/add-tlvs.ts';
import { chooseTcpCluster } from '#proxy/network/tcp-proxy/choose-cluster.ts';
import { SessionTimers } from '#proxy/network/tcp-proxy/session-timers.ts';
import { tcpHashKey } from '#proxy/network/tcp-proxy/tcp-hash-policy.ts';
import type { TcpProxyInUse } from '#proxy/network/tcp-proxy/tcp-proxy.ts';
import { openTcpUpstream } from '#proxy/network/tcp-proxy/tcp-upstream.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { ByteSender } from '#proxy/transport/byte-sender.ts';
import { asEvent, beginEvent, clock, endEvent } from '#proxy/transport/io-event.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import { type Lease, type Reader, readingFor, releaseReader, STREAM_READ } from '#proxy/transport/read-buffers.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import type { TcpClientUser, TcpUpstream } from '#proxy/upstream/tcp-client.ts';

/** A read of this size or more is followed by others: they get a buffer of their own. */
const LARGE_READ = 16 * 1024;
/** Filter state that has a connection go as it is, past a tunnel. */
const DISABLE_TUNNELING_STATE = 'envoy.tcp_proxy.disable_tunneling';
/** Filter state that sets the idle timeout of one connection, in milliseconds. */
const IDLE_TIMEOUT_STATE = 'envoy.tcp_proxy.per_connection_idle_timeout_ms';

/** Envoy's numbers for why there is no upstream, by the flag that says so; else it did not connect. */
const FAILURES = new Map<number, number>([
  [Flag.NoHealthyUpstream, 1],
  [Flag.UpstreamOverflow, 2],
  [Flag.NoClusterFound, 3],
]);
const CONNECT_FAILED = 0;

export class TcpSession implements SocketOwner, Reader, TcpClientUser {
  readsLargeBody = false;
  readonly largeRead = STREAM_READ;
  lease: Lease | undefined = undefined;
  private readonly proxy: TcpProxyInUse;
  private readonly socket: Socket;
  private readonly connection: DownstreamConnection;
  private readonly sender: ByteSender;
  private upstream: TcpUpstream | undefined = undefined;
  private tunnelled = false;
  /** The upstream takes bytes. */
  private ready = false;
  private attempts = 0;
  /** What came before the upstream was there. */
  private early: Buffer[] = [];
  private earlyBytes = 0;
  private earlyPaused = false;
  /** The client sends no more. */
  private ended = false;
  /** The upstream sends no more. */
  private upstreamEnded = false;
  private closed = false;
  private wasReset = false;
  /** It is being closed: what still comes is dropped. */
  private closing = false;
  private received = 0;
  private pauses = 0;
  private readonly timers: SessionTimers;
  private readonly bufferedBytes: BufferedBytes;

  constructor(proxy: TcpProxyInUse, socket: Socket, connection: DownstreamConnection) {
    this.proxy = proxy;
    this.socket = socket;
    this.connection = connection;
    socket.allowHalfOpen = true;
    connection.stream.upstreamCloseType = 'Normal';
    const { downstreamCxRxBytesBuffered: rx, downstreamCxTxBytesBuffered: tx } = proxy.stats;
    this.bufferedBytes = connection.countBuffered(rx, tx);
    const onDrained = () => asEvent(() => this.onDownstreamDrained());
    this.sender = new ByteSender(socket, connection.bufferLimit, onDrained, this.bufferedBytes);
    const { config, worker } = proxy;
    this.timers = new SessionTimers(worker.timers);
    const idleTimeout = Number(connection.filterState?.get(IDLE_TIMEOUT_STATE) ?? config.idleTimeout);
    this.timers.onIdle(idleTimeout, () => this.onIdle());
    if (config.maxConnectionDuration > 0) {
      const duration = jittered(config.maxConnectionDuration, config.maxConnectionDurationJitter, worker.random);
      this.timers.after(duration, () => this.onMaxDuration());
    }
    if (config.accessLogFlushInterval > 0) {
      this.timers.every(config.accessLogFlushInterval, () => this.log('TcpPeriodic'));
    }
    if (config.addedTlvs !== undefined) addTlvs(connection, config.addedTlvs);
    if (config.maxEarlyDataBytes === undefined) this.pauseDownstream(true);
    if (config.connectMode !== 'ON_DOWNSTREAM_DATA') this.connect();
  }

  // The upstream.

  /** Chooses a cluster and a host, and begins to connect. */
  private connect(): void {
    const { proxy, connection } = this;
    const { config, worker, stats } = proxy;
    const { stream } = connection;
    const name = chooseTcpCluster(config, connection.filterState, worker.random.uint32());
    const cluster = worker.clusters.get(name);
    if (cluster === undefined) {
      stats.downstreamCxNoRoute.inc();
      return this.giveUp(Flag.NoClusterFound);
    }
    stream.clusterName = name;
    stream.cluster = cluster.config;
    if (!cluster.breakers.DEFAULT.connections.canCreate()) {
      cluster.stats.upstreamCxOverflow.inc();
      return this.giveUp(Flag.UpstreamOverflow);
    }
    if (this.attempts >= config.maxConnectAttempts) {
      cluster.stats.upstreamCxConnectAttemptsExceeded.inc();
      return this.giveUp(Flag.UpstreamRetryLimitExceeded);
    }
    const { loadBalancer } = cluster;
    const request = {
      connection,
      dynamicMetadata: connection.dynamicMetadata,
      filterState: connection.filterState,
      hashKey: () => tcpHashKey(config.hashPolicy, connection),
    };
    const host = loadBalancer.choose(loadBalancer.asksRequest ? { request, hostSelectionRetryCount: 0 } : undefined);
    if (host === undefined) {
      cluster.stats.upstreamCxNoneHealthy.inc();
      return this.giveUp(Flag.NoHealthyUpstream);
    }
    this.attempts++;
    stream.attemptCount = this.attempts;
    stream.marks.upstreamPoolAsked = clock.now();
    const owner = cluster.ownerOf(host);
    if (proxy.tunnels !== undefined && connection.filterState?.get(DISABLE_TUNNELING_STATE) !== true) {
      this.tunnelled = true;
      const tunnel = proxy.tunnels.open(owner, host, connection, this);
      if (tunnel === undefined) return this.giveUp(Flag.NoHealthyUpstream);
      this.upstream = tunnel;
      stream.upstream = tunnel.info;
      tunnel.begin();
      return;
    }
    const upstream = openTcpUpstream(owner, host, connection, this);
    // Without one it was heard why, and the next attempt may be under way.
    if (upstream === undefined) return;
    this.upstream = upstream;
    stream.upstream = upstream.info;
  }

  onUpstreamFailure(reason: ResetReason, _details: string, tried?: UpstreamInfo): void {
    const { stream } = this.connection;
    if (tried !== undefined) stream.upstream = tried;
    this.upstream = undefined;
    if (this.closed) return;
    // What fails on our side has no flag, as in Envoy.
    if (reason !== 'overflow' && reason !== 'local_connection_failure') stream.setFlag(Flag.UpstreamConnectionFailure);
    const { backoff, maxConnectAttempts } = this.proxy.config;
    if (backoff === undefined || this.attempts >= maxConnectAttempts) return this.connect();
    const ceiling = Math.min(backoff.maxInterval, backoff.baseInterval * 2 ** (this.attempts - 1));
    this.timers.after(Math.max(1, Math.floor(this.proxy.worker.random.uint32() % ceiling)), () => this.connect());
  }

  onUpstreamReady(): void {
    const upstream = this.upstream as TcpUpstream;
    this.connection.stream.upstream = upstream.info;
    const { marks } = this.connection.stream;
    marks.upstreamConnectStart = upstream.connectStart;
    marks.upstreamConnectComplete = upstream.connectEnd;
    marks.upstreamTlsComplete = upstream.tlsEnd;
    marks.upstreamPoolAnswered = clock.now();
    this.ready = true;
    this.timers.active();
    if (this.proxy.config.logsUpstreamConnected) this.log('TcpUpstreamConnected');
    const { early } = this;
    this.early = [];
    for (const bytes of early) if (upstream.send(bytes, bytes.length)) this.pauseDownstream(true);
    if (this.ended) upstream.end();
    if (this.proxy.config.maxEarlyDataBytes === undefined || this.earlyPaused) {
      this.earlyPaused = false;
      this.pauseDownstream(false);
    }
  }

  onUpstreamData(count: number, bytes: Buffer): void {
    this.proxy.stats.downstreamCxTxBytesTotal.add(count);
    this.timers.active();
    if (this.sender.write(bytes, count)) this.upstream?.pause(true);
    this.closeIfDraining();
  }

  onUpstreamEnd(): void {
    this.upstreamEnded = true;
    this.socket.end();
    this.closeWhenBothEnded();
  }

  /** The upstream takes bytes again. */
  onUpstreamDrained(): void {
    this.timers.active();
    this.proxy.stats.downstreamFlowControlResumedReadingTotal.inc();
    this.pauseDownstream(false);
  }

  onUpstreamClosed(reset: boolean): void {
    this.countBytes();
    this.upstream = undefined;
    this.ready = false;
    if (this.closed) return;
    this.connection.closedByUs = true;
    if (reset) {
      this.connection.stream.setFlag(Flag.UpstreamRemoteReset);
      this.connection.stream.upstreamCloseType = 'RemoteReset';
    }
    if (reset && this.connection.tls === undefined) {
      this.connection.stream.downstreamCloseType = 'LocalReset';
      this.socket.resetAndDestroy();
    } else this.socket.destroySoon();
  }

  // The client.

  onRead(count: number, bytes: Buffer): void {
    if (this.closing) return;
    beginEvent();
    try {
      this.received += count;
      this.proxy.stats.downstreamCxRxBytesTotal.add(count);
      this.bufferedBytes.onRead(count);
      this.readsLargeBody = count >= LARGE_READ;
      this.timers.active();
      if (this.ready) this.forward(count, bytes);
      else this.holdEarly(bytes.subarray(0, count));
    } catch (error) {
      this.proxy.worker.onBug(error);
      this.socket.destroy();
    } finally {
      readingFor(this);
      endEvent();
    }
  }

  private forward(count: number, bytes: Buffer): void {
    if (this.upstream?.send(bytes, count) === true) {
      this.proxy.stats.downstreamFlowControlPausedReadingTotal.inc();
      this.pauseDownstream(true);
    }
    this.closeIfDraining();
  }

  private holdEarly(bytes: Buffer): void {
    const { config, stats } = this.proxy;
    if (this.earlyBytes === 0 && config.maxEarlyDataBytes !== undefined) stats.earlyDataReceivedCountTotal.inc();
    this.early.push(Buffer.from(bytes));
    this.earlyBytes += bytes.length;
    if (config.connectMode === 'ON_DOWNSTREAM_DATA' && this.attempts === 0) this.connect();
    const limit = config.maxEarlyDataBytes ?? this.connection.bufferLimit;
    if (!this.earlyPaused && this.earlyBytes > limit && !this.closing) {
      this.earlyPaused = true;
      this.pauseDownstream(true);
    }
  }

  onEnd(): void {
    asEvent(() => {
      this.ended = true;
      if (this.ready) this.upstream?.end();
      this.closeWhenBothEnded();
    });
  }

  onDrain(): void {
    this.sender.checkDrained();
  }

  /** The client takes bytes again. */
  private onDownstreamDrained(): void {
    this.timers.active();
    this.upstream?.pause(false);
  }

  onError(error: NodeJS.ErrnoException): void {
    this.wasReset = error.code === 'ECONNRESET';
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    releaseReader(this);
    this.bufferedBytes.close();
    const { proxy, connection, upstream } = this;
    proxy.sessions.delete(this);
    this.timers.stop();
    this.early = [];
    this.countBytes();
    this.noteUpstreamClose();
    this.upstream = undefined;
    if (upstream !== undefined) {
      if (!this.ready) {
        connection.stream.setFlag(Flag.DownstreamConnectionTermination);
        upstream.close(false);
      } else if (this.wasReset || connection.closedByUs) upstream.close(this.wasReset);
      else this.flushUpstream(upstream);
    }
    proxy.over(connection);
  }

  /** The client is gone: the upstream gets what it sent all the same. */
  private flushUpstream(upstream: TcpUpstream): void {
    const { upstreamFlushActive, upstreamFlushTotal } = this.proxy.stats;
    if (!upstream.closeAfterFlush(() => upstreamFlushActive.dec())) return;
    upstreamFlushTotal.inc();
    upstreamFlushActive.inc();
  }

  // Both.

  private pauseDownstream(pause: boolean): void {
    this.pauses += pause ? 1 : -1;
    if (pause && this.pauses === 1) this.socket.pause();
    else if (!pause && this.pauses === 0) this.socket.resume();
  }

  /** Nothing will come any more, from either side. */
  private closeWhenBothEnded(): void {
    if (this.ended && this.upstreamEnded) this.socket.destroySoon();
  }

  private closeIfDraining(): void {
    const { config, stats, drainsNow } = this.proxy;
    if (!config.checkDrainClose || this.closed || !drainsNow()) return;
    stats.downstreamCxDrainClose.inc();
    this.connection.localCloseReason = 'tcp_proxy_drain_close';
    this.connection.closedByUs = true;
    this.socket.destroySoon();
  }

  private onIdle(): void {
    this.proxy.stats.idleTimeout.inc();
    this.close('tcp_session_idle_timeout');
  }

  private onMaxDuration(): void {
    this.proxy.stats.maxDownstreamConnectionDuration.inc();
    this.connection.stream.setFlag(Flag.DurationTimeout);
    this.close('max_connection_duration_reached');
  }

  /** There is no upstream to carry it to. */
  private giveUp(flag: number): void {
    this.connection.stream.setFlag(flag);
    this.close(`tcp_initializion_failure:${FAILURES.get(flag) ?? CONNECT_FAILED}`);
  }

  /** Closes both connections at once. @param reason for DOWNSTREAM_LOCAL_CLOSE_REASON */
  close(reason = ''): void {
    const { upstream } = this;
    this.closing = true;
    this.connection.localCloseReason = reason;
    this.noteUpstreamClose();
    this.countBytes();
    this.upstream = undefined;
    upstream?.close(false);
    this.connection.closedByUs = true;
    this.socket.destroy();
  }

  /** A connection to a host that goes with the client's, because we closed that, goes for the same reason. Of tunnels Envoy says nothing. */
  private noteUpstreamClose(): void {
    const { stream, localCloseReason } = this.connection;
    if (this.ready && !this.tunnelled) stream.upstreamLocalCloseReason = localCloseReason;
  }

  private countBytes(): void {
    const { connection, sender, upstream } = this;
    const { stream } = connection;
    stream.counted = true;
    stream.bytesReceived = this.received;
    stream.bytesSent = sender.bytes;
    stream.downstreamWireBytesReceived = stream.bytesReceived;
    stream.downstreamWireBytesSent = stream.bytesSent;
    if (upstream === undefined) return;
    stream.upstreamWireBytesReceived = upstream.bytesReceived;
    stream.upstreamWireBytesSent = upstream.bytesSent;
  }

  private log(type: 'TcpUpstreamConnected' | 'TcpPeriodic'): void {
    this.countBytes();
    this.proxy.writeLog(this.connection, type);
  }
}
