/**
 * A cluster as one worker serves it: its members, how one is chosen, and the pools of connections to them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager
 */
import type { ClusterConfig, LoadAssignment } from '#config/model/cluster.ts';
import type { RuntimeFraction } from '#config/model/matchers.ts';
import type { Metadata } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import {
  type ClusterStats,
  clusterStats,
  type RequestResponseSizeStats,
  requestResponseSizeStats,
  type TimeoutBudgetStats,
  timeoutBudgetStats,
} from '#proxy/observe/stats/cluster-stats.ts';
import { type Http1CodecStats, http1CodecStats } from '#proxy/observe/stats/http-stats.ts';
import { type Http2CodecStats, http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { StatsLease } from '#proxy/observe/stats/stats-lease.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { AnswerCounts } from '#proxy/upstream/answer-counts.ts';
import type { CircuitBreakerSlots } from '#proxy/upstream/circuit-breaker-slots.ts';
import { CircuitBreakers } from '#proxy/upstream/circuit-breakers.ts';
import type { PoolOrigin } from '#proxy/upstream/connection-pool.ts';
import { type DropCounts, dropCounts } from '#proxy/upstream/drop-counts.ts';
import { EndpointMetrics } from '#proxy/upstream/endpoint-metrics.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSetUpdate } from '#proxy/upstream/host-set-update.ts';
import { HttpPool, type PoolProtocol } from '#proxy/upstream/http-pool.ts';
import { createLoadBalancer } from '#proxy/upstream/load-balancer/create-load-balancer.ts';
import type { LoadBalancer } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { providedBalancer } from '#proxy/upstream/load-balancer/provided-balancer.ts';
import { PredictivePreconnect } from '#proxy/upstream/predictive-preconnect.ts';
import { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { proxyHeaderFor } from '#proxy/upstream/proxy-protocol-header.ts';
import { UpstreamTransports } from '#proxy/upstream/upstream-transports.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { compileMetadata } from '#selection/match-metadata.ts';

/** A host's pools. */
interface HostPools {
  /** By routing priority and protocol: see `poolIndex`. */
  plain: (HttpPool | undefined)[];
  /** Those of connections to a name that requests gave (auto_sni), by index and name. */
  named: Map<string, HttpPool> | undefined;
}

function poolIndex(priority: 'DEFAULT' | 'HIGH', protocol: PoolProtocol): number {
  return (priority === 'HIGH' ? 1 : 0) + (protocol === 'http2' ? 2 : 0);
}

/** Pools by name that a host keeps while they are empty. Clients choose the names, so they are bounded. */
const NAMED_POOLS_KEPT = 64;

/** Hosts whose connections are closed in one turn of the loop: 20 us for each. */
const DRAINED_AT_ONCE = 16;
const NONE: readonly Host[] = [];

export class Cluster {
  readonly config: ClusterConfig;
  readonly worker: WorkerContext;
  readonly stats: ClusterStats;
  readonly hosts: PrioritySet;
  readonly loadBalancer: LoadBalancer;
  /** Undefined: nothing is made ahead for hosts that come next. */
  readonly predictive: PredictivePreconnect | undefined;
  /** Whether hosts with this metadata get connections ahead. */
  readonly preconnects: (metadata: Metadata) => boolean;
  readonly breakers: CircuitBreakers;
  readonly transports: UpstreamTransports;
  /** The share of requests that are refused, by the runtime. */
  readonly maintenance: RuntimeFraction;
  readonly timeoutBudget: TimeoutBudgetStats | undefined;
  readonly sizes: RequestResponseSizeStats | undefined;
  /** What endpoints say of their load; undefined: nobody wants to know. */
  readonly endpointMetrics: EndpointMetrics | undefined;
  private answerCounts: AnswerCounts | undefined = undefined;
  private dropOverloads: LoadAssignment['dropOverloads'];
  readonly scope: Scope;
  private readonly lease: StatsLease;
  /** Made with the first request that is dropped. */
  private drops: DropCounts | undefined = undefined;
  private codec1Stats: Http1CodecStats | undefined = undefined;
  private codec2Stats: Http2CodecStats | undefined = undefined;
  private closeListeners: Set<() => void> | undefined = undefined;
  private alternatives: Map<string, AnswerCounts> | undefined = undefined;
  /** Hosts that are members no more, and still have their pools and counters. */
  private leaving: readonly Host[] = NONE;

  /** @param localHosts the members of the local cluster, for routing by zone */
  constructor(
    config: ClusterConfig,
    worker: WorkerContext,
    slots: CircuitBreakerSlots,
    shared: boolean,
    localHosts?: PrioritySet,
  ) {
    this.config = config;
    this.worker = worker;
    this.lease = worker.leaseStats();
    this.scope = this.lease.scope.scope(`cluster.${config.statName}`);
    this.stats = clusterStats(this.scope);
    this.hosts = new PrioritySet(config.name, worker.leaseStats, clock, worker.node.locality);
    const { random, runtime, index } = worker;
    const environment = { clock, runtime, localHosts, showsTable: index === 0 };
    this.loadBalancer =
      providedBalancer(this) ?? createLoadBalancer(config, this.hosts, random, this.scope, environment);
    const { predictiveRatio, enabledFor } = config.preconnect;
    this.preconnects = enabledFor === undefined ? () => true : compileMetadata(enabledFor);
    this.predictive =
      predictiveRatio > 1
        ? new PredictivePreconnect(predictiveRatio, this.loadBalancer, worker.clusters.connectivity)
        : undefined;
    this.breakers = new CircuitBreakers(slots, shared);
    this.breakers.configure(config, worker.runtime);
    this.transports = new UpstreamTransports(config, this.scope, worker);
    this.dropOverloads = this.limited(config.loadAssignment?.dropOverloads ?? []);
    this.maintenance = { numerator: 0, denominator: 100, runtimeKey: `upstream.maintenance_mode.${config.name}` };
    const { lrsReportEndpointMetrics: metrics } = config;
    this.endpointMetrics = metrics && new EndpointMetrics(metrics);
    this.timeoutBudget = config.trackTimeoutBudgets ? timeoutBudgetStats(this.scope) : undefined;
    this.sizes = config.trackRequestResponseSizes ? requestResponseSizeStats(this.scope) : undefined;
  }

  /** Replaces the members; pools of those that left are drained. */
  updateHosts(update: HostSetUpdate): void {
    this.dropOverloads = this.limited(update.dropOverloads);
    const members = this.loadBalancer.withOwn?.(update) ?? update;
    const { added, removed: leaving } = this.hosts.update(members);
    if (this.config.commonLb.closesOnChange && added.length + leaving.length > 0)
      asEvent(() => this.leaveConnections());
    const draining = this.leaving.length > 0;
    if (leaving.length === 0) return;
    this.leaving = [...this.leaving, ...leaving];
    if (!draining) setImmediate(() => this.drainLeaving());
  }

  /** Some at a time: closing a connection takes long, and there may be a thousand. */
  private drainLeaving(): void {
    const some = this.leaving.slice(0, DRAINED_AT_ONCE);
    this.leaving = this.leaving.length === some.length ? NONE : this.leaving.slice(some.length);
    asEvent(() => {
      for (const host of some) this.letGo(host);
    });
    if (this.leaving.length > 0) setImmediate(() => this.drainLeaving());
  }

  /** What is counted of its answers, from the first on. */
  get answers(): AnswerCounts {
    this.answerCounts ??= new AnswerCounts(this.scope, this.worker.node.locality.zone);
    return this.answerCounts;
  }

  /** Stats of the codec of HTTP/1, made with its first connection. */
  http1Stats(): Http1CodecStats {
    this.codec1Stats ??= http1CodecStats(this.scope.scope('http1'));
    return this.codec1Stats;
  }

  /** Stats of the codec of HTTP/2, made with its first connection. */
  http2Stats(): Http2CodecStats {
    this.codec2Stats ??= http2CodecStats(this.scope.scope('http2'));
    return this.codec2Stats;
  }

  /** What is spoken with hosts, for a client that speaks `downstream`: `HTTP/1.1`, `HTTP/2`. */
  protocolFor(downstream: string): PoolProtocol {
    const { protocol } = this.config.http;
    if (protocol !== 'use_downstream') return protocol;
    return downstream === 'HTTP/2' ? 'http2' : 'http1';
  }

  /**
   * @param serverName the name that TLS asks for, where the request gives it: its connections serve no other name
   * @param proxyHeader that tells the host of the client: its connections serve no other client
   * @returns undefined where the cluster has as many pools as it may have (`max_connection_pools`)
   */
  poolFor(
    host: Host,
    priority: 'DEFAULT' | 'HIGH',
    protocol: PoolProtocol,
    serverName = '',
    proxyHeader?: Buffer,
  ): HttpPool | undefined {
    const pool = this.openPool(host, priority, protocol, serverName, proxyHeader);
    this.predictive?.beforeRequest((next) => this.openPool(next, priority, protocol, serverName, proxyHeader));
    return pool;
  }

  /** Where the cluster has no place for another pool, one of the same host and priority that carries nothing makes room, as in Envoy. */
  private openPool(
    host: Host,
    priority: 'DEFAULT' | 'HIGH',
    protocol: PoolProtocol,
    serverName: string,
    proxyHeader: Buffer | undefined,
  ): HttpPool | undefined {
    const pool = this.findPool(host, priority, protocol, serverName, proxyHeader);
    if (pool.open() || (poolsOf(host).some((each) => each.priority === priority && each.yield()) && pool.open()))
      return pool;
    this.stats.upstreamCxPoolOverflow.inc();
    return undefined;
  }

  private findPool(
    host: Host,
    priority: 'DEFAULT' | 'HIGH',
    protocol: PoolProtocol,
    serverName: string,
    proxyHeader: Buffer | undefined,
  ): HttpPool {
    let pools = host.pool as HostPools | undefined;
    if (pools === undefined) {
      pools = { plain: [undefined, undefined, undefined, undefined], named: undefined };
      host.pool = pools;
    }
    if (serverName !== '' || proxyHeader !== undefined) {
      return this.namedPool(pools, { cluster: this, host, priority, serverName, proxyHeader }, protocol);
    }
    const index = poolIndex(priority, protocol);
    let pool = pools.plain[index];
    if (pool === undefined) {
      pool = new HttpPool({ cluster: this, host, priority, serverName }, protocol);
      pools.plain[index] = pool;
    }
    return pool;
  }

  private namedPool(pools: HostPools, origin: PoolOrigin, protocol: PoolProtocol): HttpPool {
    pools.named ??= new Map();
    const { priority, serverName, proxyHeader } = origin;
    const key = `${poolIndex(priority, protocol)} ${serverName} ${proxyHeader?.toString('latin1') ?? ''}`;
    let pool = pools.named.get(key);
    if (pool !== undefined) return pool;
    if (pools.named.size >= NAMED_POOLS_KEPT) {
      for (const [other, { empty }] of pools.named) if (empty) pools.named.delete(other);
    }
    pool = new HttpPool(origin, protocol);
    pools.named.set(key, pool);
    return pool;
  }

  /** The PROXY header that tells the host of a client; undefined: it is told nothing. */
  proxyHeaderFor(host: Host, connection: DownstreamConnection): Buffer | undefined {
    const config = this.transports.proxyProtocolFor(host);
    return config && proxyHeaderFor(config, connection);
  }

  /** The cluster that a host chosen here belongs to: another, where this one is an aggregate. */
  ownerOf(host: Host): Cluster {
    if (host.cluster === this.config.name) return this;
    return this.worker.clusters.get(host.cluster) ?? this;
  }

  /** The share of requests, up to 1, that the assignment's drop_overload takes. */
  get dropShare(): number {
    let share = 0;
    for (const { numerator, denominator } of this.dropOverloads) share = Math.max(share, numerator / denominator);
    return share;
  }

  /** A request is answered since the cluster takes no more. @param overload by drop_overload */
  countDrop(overload: boolean): void {
    this.drops ??= dropCounts(this.lease, this.config.name);
    this.drops.all.inc();
    if (overload) this.drops.overload.inc();
  }

  /** No more than the runtime lets go, as it is when the assignment comes. */
  private limited(drops: LoadAssignment['dropOverloads']): LoadAssignment['dropOverloads'] {
    const limit = this.worker.runtime.integer('load_balancing_policy.drop_overload_limit', 100);
    return drops.map((drop) =>
      (drop.numerator * 100) / drop.denominator > limit ? { ...drop, numerator: limit, denominator: 100 } : drop,
    );
  }

  /** Whether the assignment's drop_overload takes this request. */
  dropsRequest(random: number): boolean {
    for (const { numerator, denominator } of this.dropOverloads) if (random % denominator < numerator) return true;
    return false;
  }

  /** The server name that TLS to the upstream asks for: the configured one, or the request's host. */
  serverNameFor(stream: HttpStream): string {
    const { http } = this.config;
    if (!http.autoSni) return '';
    const named = http.overrideAutoSniHeader === '' ? undefined : stream.requestHeaders.get(http.overrideAutoSniHeader);
    return (named ?? stream.host).replace(/:\d+$/, '');
  }

  /** Answers under a name that a request asked for (x-envoy-upstream-alt-stat-name). */
  alternativeAnswers(name: string): AnswerCounts {
    this.alternatives ??= new Map();
    let counts = this.alternatives.get(name);
    if (counts === undefined) {
      counts = new AnswerCounts(this.scope.scope(name), this.worker.node.locality.zone);
      this.alternatives.set(name, counts);
    }
    return counts;
  }

  /** Calls back when the cluster is gone, or another has taken its place. @returns how to stop that */
  onClose(listener: () => void): () => void {
    this.closeListeners ??= new Set();
    this.closeListeners.add(listener);
    return () => this.closeListeners?.delete(listener);
  }

  /** The cluster is gone, or the worker ends. */
  close(): void {
    for (const listener of [...(this.closeListeners ?? [])]) listener();
    this.loadBalancer.close();
    this.transports.close();
    for (const set of this.hosts.hostSets) {
      for (const host of set.hosts) this.letGo(host);
    }
    for (const host of this.leaving) this.letGo(host);
    this.leaving = NONE;
    this.lease.release();
  }

  private letGo(host: Host): void {
    drainPools(host);
    host.removed();
  }

  /** Connections end with their last request; the next requests make new ones. */
  private leaveConnections(): void {
    for (const { hosts } of this.hosts.hostSets) {
      for (const host of hosts) {
        drainPools(host);
        host.pool = undefined;
      }
    }
  }
}

function drainPools(host: Host): void {
  for (const pool of poolsOf(host)) pool.drain();
}

function poolsOf({ pool }: Host): HttpPool[] {
  const pools = pool as HostPools | undefined;
  return [...(pools?.plain ?? []), ...(pools?.named?.values() ?? [])].filter((each) => each !== undefined);
}
