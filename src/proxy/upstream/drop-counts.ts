/**
 * Requests that no member of a cluster got, since the cluster takes no more: counted beside the stats, for load reports.
 * Follows envoy.config.endpoint.v3.ClusterStats.
 */
import type { Counter } from '#proxy/observe/stats/metrics.ts';
import type { StatsLease } from '#proxy/observe/stats/stats-lease.ts';

/** One thread's share. */
export interface DropCounts {
  /** For whatever reason: circuit breakers, maintenance mode, drop_overloads. */
  all: Counter;
  /** For drop_overloads. */
  overload: Counter;
}

export const DROPPED = 0;
export const DROPPED_OVERLOAD = 1;

/** The name of a cluster's numbers among the stats. */
export function dropBlock(cluster: string): string {
  return `drops|${cluster}`;
}

export function dropCounts(lease: StatsLease, cluster: string): DropCounts {
  const counters = lease.block(dropBlock(cluster), 2);
  return { all: counters[DROPPED], overload: counters[DROPPED_OVERLOAD] };
}
