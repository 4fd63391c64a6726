/**
 * Chooses among the hosts of other clusters as if their priorities were those of one: all of the first cluster's, then the second's. What a
 * priority's health leaves over goes to the next. Which of its hosts it is, the cluster itself says.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/aggregate_cluster
 */
import type { Random } from '#base/random.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSet } from '#proxy/upstream/host-set.ts';
import type {
  LoadBalancer,
  LoadBalancerContext,
  PriorityLoad,
  RuntimeNumbers,
} from '#proxy/upstream/load-balancer/load-balancer.ts';
import { type PriorityHealth, priorityAt, priorityHealth } from '#proxy/upstream/load-balancer/priority-load.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

/** What is needed of a cluster that is part of it. */
export interface PartCluster {
  readonly hosts: PrioritySet;
  readonly loadBalancer: LoadBalancer;
}

export interface AggregateParts {
  names: readonly string[];
  find(name: string): PartCluster | undefined;
  /** Calls back when clusters come or go. @returns how to stop that */
  onClusters(listener: () => void): () => void;
  commonLb: ClusterConfig['commonLb'];
  random: Random;
  runtime: RuntimeNumbers;
}

/** A priority of one of the clusters. */
interface Place {
  cluster: PartCluster;
  set: HostSet;
}

export class AggregateBalancer implements LoadBalancer {
  readonly asksRequest = true;
  private readonly parts: AggregateParts;
  private places: Place[] | undefined = undefined;
  private health: PriorityHealth = { healthy: [], degraded: [], panic: [] };
  private stops: (() => void)[] = [];
  private readonly stop: () => void;

  constructor(parts: AggregateParts) {
    this.parts = parts;
    this.stop = parts.onClusters(() => this.forget());
  }

  choose(context?: LoadBalancerContext): Host | undefined {
    const places = this.places ?? this.look();
    if (places.length === 0) return undefined;
    const sets = places.map(({ set }) => set);
    const load = context?.determinePriorityLoad?.(sets, this.health) ?? this.health;
    const point = (this.parts.random.uint32() % 100) + 1;
    let usable: keyof PriorityLoad = 'healthy';
    let at = priorityAt(load.healthy, point);
    if (at < 0) {
      usable = 'degraded';
      at = priorityAt(load.degraded, point - load.healthy.reduce((sum, share) => sum + share, 0));
    }
    const { cluster, set } = places[Math.max(0, at)];
    return cluster.loadBalancer.choose({
      hostSelectionRetryCount: 0,
      ...context,
      determinePriorityLoad: (own) => onlyFrom(own.length, set.priority, usable),
    });
  }

  peekAnother(): undefined {
    return undefined;
  }

  close(): void {
    this.stop();
    this.forget();
  }

  private look(): Place[] {
    const { names, find, commonLb, runtime } = this.parts;
    const clusters = names.flatMap((name) => find(name) ?? []);
    this.stops = clusters.map(({ hosts }) => hosts.onChange(() => this.forget()));
    const places = clusters.flatMap((cluster) =>
      cluster.hosts.hostSets.filter((set) => set.hosts.length > 0).map((set) => ({ cluster, set })),
    );
    this.places = places;
    const threshold = runtime.integer('upstream.healthy_panic_threshold', Math.round(commonLb.healthyPanicThreshold));
    if (places.length > 0)
      this.health = priorityHealth(
        places.map(({ set }) => set),
        Math.min(100, threshold),
      );
    return places;
  }

  private forget(): void {
    this.places = undefined;
    for (const stop of this.stops) stop();
    this.stops = [];
  }
}

function onlyFrom(count: number, priority: number, usable: keyof PriorityLoad): PriorityLoad {
  const all = Array.from({ length: count }, (_, i) => (i === priority ? 100 : 0));
  const none = Array.from({ length: count }, () => 0);
  return usable === 'healthy' ? { healthy: all, degraded: none } : { healthy: none, degraded: all };
}
