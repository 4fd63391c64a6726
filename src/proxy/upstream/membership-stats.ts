/**
 * Counts the members of a cluster, on the main thread alone.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats (membership_*).
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

/**
 * Keeps the gauges at what the host sets hold.
 * @param scope the cluster's own, `cluster.<name>.`
 * @param weighs also the greatest weight: Envoy looks for it where hosts come by strict DNS or EDS
 */
export function recordMembership(hosts: PrioritySet, scope: Scope, weighs: boolean): void {
  const total = scope.gauge('membership_total');
  const healthy = scope.gauge('membership_healthy');
  const degraded = scope.gauge('membership_degraded');
  const excluded = scope.gauge('membership_excluded');
  const greatest = scope.gauge('max_host_weight');
  const changes = scope.counter('membership_change');
  hosts.onChange((change) => {
    changes.add(change.priorities.length);
    const sum = (of: (set: (typeof hosts.hostSets)[number]) => number) =>
      hosts.hostSets.reduce((before, set) => before + of(set), 0);
    total.set(sum((set) => set.hosts.length));
    healthy.set(sum((set) => set.healthy.length));
    degraded.set(sum((set) => set.degraded.length));
    excluded.set(sum((set) => set.excluded.length));
    if (weighs) greatest.set([...hosts.hosts()].reduce((most, { weight }) => Math.max(most, weight), 1));
  });
}
