/**
 * A cluster as the Redis proxy of one worker uses it: a connection to each of its hosts, chosen by key.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis
 */
import { isIP } from 'node:net';
import type { Hash64 } from '#base/xx-hash.ts';
import type { Address } from '#config/model/address.ts';
import type { RedisSettings } from '#config/model/redis-proxy.ts';
import { RedisClient, type RedisWaiter } from '#proxy/network/redis/redis-client.ts';
import { statNameOf } from '#proxy/network/redis/redis-commands.ts';
import {
  type RedisClusterStats,
  redisClusterStats,
  type UpstreamCommandStats,
  upstreamCommandStats,
} from '#proxy/network/redis/redis-stats.ts';
import type { Histogram, Scope } from '#proxy/observe/stats/metrics.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { RedisTrouble } from '#proxy/upstream/discovery/redis-slots.ts';
import { Host } from '#proxy/upstream/host.ts';
import { murmurHash2 } from '#proxy/upstream/load-balancer/murmur-hash.ts';
import { SlotBalancer } from '#proxy/upstream/load-balancer/slot-balancer.ts';
import type { ConnectionView } from '#selection/request-view.ts';
import { slotOf } from '#wire/redis/cluster-slots.ts';

/** A command on its way. */
export interface RedisCommand {
  /** In lower case. */
  name: string;
  bytes: Buffer;
  /** It changes nothing. */
  reads: boolean;
}

const SECOND = 1000;

export class RedisCluster {
  readonly cluster: Cluster;
  readonly settings: RedisSettings;
  readonly stats: RedisClusterStats;
  /** Where Redis itself says who has which keys. */
  private readonly slots: SlotBalancer | undefined;
  private readonly clients = new Map<Host, RedisClient>();
  /** Hosts that are no members, while there are connections to them. */
  private readonly strangers = new Map<string, Host>();
  private readonly commands = new Map<string, UpstreamCommandStats>();
  private readonly commandScope: Scope;
  private rqTime: Histogram | undefined = undefined;
  private readonly stops: (() => void)[];
  /** Of the limit on new connections: what may be opened still, as of a time. */
  private tokens: { left: number; at: number };

  /** @param onGone the cluster was removed or replaced */
  constructor(cluster: Cluster, settings: RedisSettings, onGone: () => void) {
    this.cluster = cluster;
    this.slots = cluster.loadBalancer instanceof SlotBalancer ? cluster.loadBalancer : undefined;
    this.settings = settings;
    const scope = cluster.scope.scope('redis_cluster');
    this.stats = redisClusterStats(scope);
    this.commandScope = scope.scope('upstream_commands');
    this.tokens = { left: settings.connectionRateLimitPerSec, at: clock.now() };
    this.stops = [
      cluster.hosts.onChange(({ removed }) => {
        for (const host of removed) this.clients.get(host)?.drain();
      }),
      cluster.onClose(() => {
        this.close();
        onGone();
      }),
    ];
  }

  /** Sends a command to the host that its key belongs to. */
  send(key: Buffer, command: RedisCommand, connection: ConnectionView, waiter: RedisWaiter): void {
    this.sendTo(this.hostOf(key, connection, command.reads), command, waiter);
  }

  private hostOf(key: Buffer, connection: ConnectionView, reads: boolean): Host | undefined {
    const { slots } = this;
    if (slots !== undefined) {
      return this.counted(slots.chooseSlot(slotOf(hashedPart(key, true)), reads ? this.settings.readPolicy : 'MASTER'));
    }
    return this.choose(connection, () => murmurHash2(hashedPart(key, this.settings.enableHashtagging)));
  }

  /** Hosts that commands to all of them go to. */
  get shards(): number {
    if (this.slots !== undefined) return this.slots.shardCount;
    return this.cluster.hosts.hostSets.reduce((sum, { hosts }) => sum + hosts.length, 0);
  }

  /** The host with a number below {@link shards}. */
  shard(number: number, connection: ConnectionView): Host | undefined {
    if (this.slots !== undefined) return this.counted(this.slots.chooseShard(number, 'MASTER'));
    return this.choose(connection, () => ({ high: 0, low: number }));
  }

  sendTo(host: Host | undefined, command: RedisCommand, waiter: RedisWaiter): void {
    const client = host && this.clientFor(host);
    if (client === undefined) return waiter.onFailure(true);
    client.send(command.name, command.bytes, waiter);
  }

  /** A connection for one client alone. @returns undefined where there is no host */
  dedicated(key: Buffer, connection: ConnectionView): RedisClient | undefined {
    const host = this.hostOf(key, connection, false);
    return host && new RedisClient(this, host);
  }

  /** The host at an address that another host named: a member, or a stranger, of whom there are not to be too many. */
  hostAt(text: string): Host | undefined {
    const known = this.cluster.hosts.find(text) ?? this.strangers.get(text);
    if (known !== undefined) return known;
    const address = addressOf(text);
    if (address === undefined) return undefined;
    if (this.strangers.size >= this.settings.maxUpstreamUnknownConnections) {
      this.stats.maxUpstreamUnknownConnectionsReached.inc();
      return undefined;
    }
    const update = { address, additionalAddresses: [], hostname: '', weight: 1, metadata: {}, healthFlags: 0 };
    const locality = { region: '', zone: '', subZone: '' };
    const { worker, config } = this.cluster;
    const origin = { cluster: config.name, key: text, update, locality, priority: 0, text, now: clock.now() };
    const stranger = new Host({ ...origin, lease: worker.leaseStats });
    this.strangers.set(text, stranger);
    return stranger;
  }

  /** Whether so many of these make the main thread ask who has which slots. */
  watches(what: RedisTrouble): boolean {
    const { discovery } = this.cluster.config;
    return discovery.kind === 'REDIS' && discovery.early[what] > 0;
  }

  wentWrong(what: RedisTrouble): void {
    const { worker, config } = this.cluster;
    if (this.watches(what)) worker.redisTrouble(config.name, what);
  }

  /** The connection is of no use any more. */
  forget(client: RedisClient): void {
    const { host } = client;
    if (this.clients.get(host) === client) this.clients.delete(host);
    if (this.strangers.get(host.key) !== host) return;
    this.strangers.delete(host.key);
    host.removed();
  }

  countCommand(command: string, success: boolean, milliseconds: number): void {
    const micros = Math.round(milliseconds * 1000);
    this.rqTime ??= this.commandScope.histogram('upstream_rq_time', 'Microseconds');
    this.rqTime.record(micros);
    if (!this.settings.enableCommandStats) return;
    const name = statNameOf(command);
    let stats = this.commands.get(name);
    if (stats === undefined) {
      stats = upstreamCommandStats(this.commandScope.scope(name));
      this.commands.set(name, stats);
    }
    stats.total.inc();
    stats[success ? 'success' : 'failure'].inc();
    stats.latency.record(micros);
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const client of [...this.clients.values()]) client.close();
  }

  private choose(connection: ConnectionView, hashKey: () => Hash64): Host | undefined {
    const { loadBalancer } = this.cluster;
    const context = loadBalancer.asksRequest
      ? { request: { connection, hashKey }, hostSelectionRetryCount: 0 }
      : undefined;
    return this.counted(loadBalancer.choose(context));
  }

  private counted(host: Host | undefined): Host | undefined {
    if (host === undefined) this.cluster.stats.upstreamCxNoneHealthy.inc();
    return host;
  }

  private clientFor(host: Host): RedisClient | undefined {
    const known = this.clients.get(host);
    if (known !== undefined) return known;
    if (!this.mayConnect()) {
      this.stats.connectionRateLimited.inc();
      return undefined;
    }
    const client = new RedisClient(this, host);
    this.clients.set(host, client);
    return client;
  }

  private mayConnect(): boolean {
    const limit = this.settings.connectionRateLimitPerSec;
    if (limit === 0) return true;
    const now = clock.now();
    const left = Math.min(limit, this.tokens.left + ((now - this.tokens.at) * limit) / SECOND);
    this.tokens = { left: left < 1 ? left : left - 1, at: now };
    return left >= 1;
  }
}

/** @param text `127.0.0.1:6379`, `::1:6379` */
function addressOf(text: string): Address | undefined {
  const colon = text.lastIndexOf(':');
  const address = text.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(colon + 1));
  if (isIP(address) === 0 || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  return { kind: 'ip', address, port, protocol: 'TCP', ipv4Compat: false };
}

/** The part of a key that decides on its host: with tags, what stands between the first braces. */
export function hashedPart(key: Buffer, tags: boolean): Buffer {
  if (!tags) return key;
  const open = key.indexOf(0x7b);
  if (open < 0) return key;
  const close = key.indexOf(0x7d, open + 1);
  return close < 0 || close === open + 1 ? key : key.subarray(open + 1, close);
}
