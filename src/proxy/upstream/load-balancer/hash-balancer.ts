/**
 * Consistent hashing: requests with one hash go to one host, for as long as it is there, and most of the others stay where they are when
 * hosts come and go. Follows Envoy's ThreadAwareLoadBalancerBase.
 */
import type { Random } from '#base/random.ts';
import { type Hash64, remainder } from '#base/xx-hash.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ClusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancer, LoadBalancerContext, RuntimeNumbers } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { type NormalizedWeights, normalizedWeights } from '#proxy/upstream/load-balancer/normalized-weights.ts';
import { type PriorityHealth, priorityHealth } from '#proxy/upstream/load-balancer/priority-load.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

/** The hosts of one priority, to be found by hash. */
export interface HashTable {
  /** @param attempt counts hosts that were chosen and not wanted */
  choose(hash: Hash64, attempt: number): Host | undefined;
}

export interface HashBalancerParts {
  commonLb: ClusterConfig['commonLb'];
  random: Random;
  stats: ClusterStats;
  runtime: RuntimeNumbers;
  makeTable(weights: NormalizedWeights): HashTable;
}

export class HashBalancer implements LoadBalancer {
  readonly asksRequest = true;
  private readonly members: PrioritySet;
  private readonly parts: HashBalancerParts;
  private readonly stop: () => void;
  private health: PriorityHealth = { healthy: [100], degraded: [0], panic: [false] };
  /** By priority. */
  private tables: HashTable[] = [];

  constructor(members: PrioritySet, parts: HashBalancerParts) {
    this.members = members;
    this.parts = parts;
    this.refresh();
    this.stop = members.onChange(() => this.refresh());
  }

  /** The table is made at once, as its size is among the stats. */
  private refresh(): void {
    const { commonLb, runtime, makeTable } = this.parts;
    const sets = this.members.hostSets;
    const configured = Math.round(commonLb.healthyPanicThreshold);
    this.health = priorityHealth(sets, Math.min(100, runtime.integer('upstream.healthy_panic_threshold', configured)));
    this.tables = sets.map((set, i) =>
      makeTable(normalizedWeights(set, this.health.panic[i], commonLb.localityWeighted)),
    );
  }

  choose(context?: LoadBalancerContext): Host | undefined {
    const { random, stats } = this.parts;
    const { overrideHost } = context ?? {};
    if (overrideHost !== undefined) {
      const host = this.members.find(overrideHost.address);
      if (host !== undefined && host.health !== 'unhealthy') return host;
      if (overrideHost.strict) return undefined;
    }
    const hash = context?.request?.hashKey?.() ?? { high: random.uint32(), low: random.uint32() };
    const priority = this.priorityOf(hash, context);
    if (this.health.panic[priority]) stats.lbHealthyPanic.inc();
    const table = this.tables[priority];
    let host: Host | undefined;
    for (let attempt = 0; attempt <= (context?.hostSelectionRetryCount ?? 0); attempt++) {
      host = table?.choose(hash, attempt);
      if (host === undefined || !context?.shouldSelectAnotherHost?.(host)) return host;
    }
    return host;
  }

  private priorityOf(hash: Hash64, context: LoadBalancerContext | undefined): number {
    const load = context?.determinePriorityLoad?.(this.members.hostSets, this.health) ?? this.health;
    if (load.healthy[0] === 100) return 0;
    const point = remainder(hash, 100) + 1;
    let upTo = 0;
    for (const shares of [load.healthy, load.degraded]) {
      for (let priority = 0; priority < shares.length; priority++) {
        upTo += shares[priority];
        if (point <= upTo) return priority;
      }
    }
    return 0;
  }

  /** Which host it is depends on who asks. */
  peekAnother(): Host | undefined {
    return undefined;
  }

  close(): void {
    this.stop();
  }
}
