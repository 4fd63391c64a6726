/**
 * Decides among which hosts a policy chooses: the priority by health, then healthy, degraded or all of its hosts, then a locality by
 * weight or by nearness. Worked out when members change, so that a plain cluster's request asks nothing at all.
 * Follows Envoy's ZoneAwareLoadBalancerBase.
 */
import type { Random } from '#base/random.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ClusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSet } from '#proxy/upstream/host-set.ts';
import type { EdfScheduler } from '#proxy/upstream/load-balancer/edf-scheduler.ts';
import { HostSource } from '#proxy/upstream/load-balancer/host-source.ts';
import type { LoadBalancerContext, PriorityLoad, RuntimeNumbers } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { localityScheduler } from '#proxy/upstream/load-balancer/locality-weights.ts';
import { isInPanic, priorityAt, priorityHealth } from '#proxy/upstream/load-balancer/priority-load.ts';
import { chooseZone, type ZoneRouting, zoneRouting } from '#proxy/upstream/load-balancer/zone-routing.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

type Usable = 'healthy' | 'degraded';

/** What stands ready for one priority. */
class PrioritySources {
  readonly all = new HostSource();
  readonly healthy = new HostSource();
  readonly degraded = new HostSource();
  readonly localities: Record<Usable, HostSource[]> = { healthy: [], degraded: [] };
  schedulers: Record<Usable, EdfScheduler<number> | undefined> = { healthy: undefined, degraded: undefined };
  panic = false;
  zones: ZoneRouting | undefined = undefined;
}

/** What the choice of a source depends on, besides members. */
export interface SourceOptions {
  commonLb: ClusterConfig['commonLb'];
  random: Random;
  stats: ClusterStats;
  runtime: RuntimeNumbers;
  /** The proxies that share the load, where the local cluster is known. */
  localHosts?: PrioritySet;
  /** Every source starts at its own turn of this number. */
  seed: number;
  /** Makes a source ready for the hosts that it has now. */
  prepare(source: HostSource): void;
}

export class HostSources {
  /** Set where every request chooses among the same hosts. */
  only: HostSource | undefined = undefined;
  private readonly members: PrioritySet;
  private readonly options: SourceOptions;
  private readonly priorities: PrioritySources[] = [];
  private load: PriorityLoad = { healthy: [100], degraded: [0] };
  private localPanic = false;

  constructor(members: PrioritySet, options: SourceOptions) {
    this.members = members;
    this.options = options;
    this.refresh();
  }

  /** Works everything out anew from the members as they are. */
  refresh(): void {
    const { commonLb, runtime } = this.options;
    const sets = this.members.hostSets;
    const threshold = Math.min(
      100,
      runtime.integer('upstream.healthy_panic_threshold', Math.round(commonLb.healthyPanicThreshold)),
    );
    const { healthy, degraded, panic } = priorityHealth(sets, threshold);
    this.load = { healthy, degraded };
    for (const set of sets) {
      this.priorities[set.priority] ??= new PrioritySources();
      const sources = this.priorities[set.priority];
      sources.panic = panic[set.priority];
      this.fill(sources, set);
    }
    this.refreshZones(sets[0], threshold);
    this.only = this.sourceOfAll();
  }

  /** @returns undefined where traffic must fail, in a panic that is configured so. */
  choose(context: LoadBalancerContext | undefined): HostSource | undefined {
    const { commonLb, random, stats } = this.options;
    const load = context?.determinePriorityLoad?.(this.members.hostSets, this.load) ?? this.load;
    const point = (random.uint32() % 100) + 1;
    let usable: Usable = 'healthy';
    let priority = priorityAt(load.healthy, point);
    if (priority < 0) {
      usable = 'degraded';
      priority = priorityAt(load.degraded, point - sum(load.healthy));
    }
    const sources = this.priorities[Math.max(0, priority)];
    if (sources.panic) {
      stats.lbHealthyPanic.inc();
      return commonLb.zoneAware?.failTrafficOnPanic ? undefined : sources.all;
    }
    const scheduler = sources.schedulers[usable];
    if (scheduler !== undefined) return sources.localities[usable][scheduler.next()];
    if (sources.zones === undefined || !this.zonesApply()) return sources[usable];
    if (this.localPanic) {
      stats.lbLocalClusterNotOk.inc();
      return commonLb.zoneAware?.failTrafficOnPanic ? undefined : sources[usable];
    }
    return sources.localities[usable][chooseZone(sources.zones, random, stats)];
  }

  private fill(sources: PrioritySources, set: HostSet): void {
    this.set(sources.all, set.hosts);
    this.set(sources.healthy, set.healthy);
    this.set(sources.degraded, set.degraded);
    const { localityWeighted } = this.options.commonLb;
    for (const usable of ['healthy', 'degraded'] as const) {
      sources.schedulers[usable] = localityWeighted ? localityScheduler(set, usable, this.options.seed) : undefined;
      const localities = sources.localities[usable];
      set.localities.forEach((locality, i) => {
        localities[i] ??= new HostSource();
        this.set(localities[i], locality[usable]);
      });
    }
  }

  private set(source: HostSource, hosts: readonly Host[]): void {
    // A source that was empty begins at the seed, like a new one.
    const turn = source.hosts.length === 0 ? this.options.seed : source.next;
    source.hosts = hosts;
    source.next = hosts.length === 0 ? 0 : turn % hosts.length;
    this.options.prepare(source);
  }

  private refreshZones(first: HostSet, threshold: number): void {
    const { localHosts, stats, runtime, commonLb } = this.options;
    if (localHosts === undefined) return;
    const local = localHosts.hostSets[0];
    const minClusterSize = runtime.integer(
      'upstream.zone_routing.min_cluster_size',
      commonLb.zoneAware?.minClusterSize ?? 6,
    );
    this.localPanic = isInPanic(local, threshold);
    this.priorities[0].zones = zoneRouting(first, local, minClusterSize, commonLb.zoneAware ?? {}, stats);
  }

  /** Whether this request is one of those that are routed by zone. */
  private zonesApply(): boolean {
    const { runtime, random, commonLb } = this.options;
    const share = runtime.integer('upstream.zone_routing.enabled', commonLb.zoneAware?.routingEnabled ?? 100);
    return share >= 100 || random.uint32() % 100 < share;
  }

  private sourceOfAll(): HostSource | undefined {
    for (const usable of ['healthy', 'degraded'] as const) {
      const priority = this.load[usable].indexOf(100);
      if (priority < 0) continue;
      const sources = this.priorities[priority];
      const isPlain = !sources.panic && sources.schedulers[usable] === undefined && sources.zones === undefined;
      return isPlain ? sources[usable] : undefined;
    }
    return undefined;
  }
}

function sum(shares: readonly number[]): number {
  return shares.reduce((total, share) => total + share, 0);
}
