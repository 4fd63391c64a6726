/**
 * Counts the members of a cluster, on the main thread alone.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats (membership_*).
 */
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

/**
 * Keeps the gauges at what the host sets hold.
 * @param scope the cluster's own, `cluster.<name>.`
 * @param weighs also the greatest weight: Envoy looks for it where hosts come by EDS, and in the last answer for a name of strict DNS
 */
export function recordMembership(hosts: PrioritySet, scope: Scope, weighs: boolean): void {
  const stats = clusterStats(scope);
  hosts.onChange((change) => {
    stats.add('membershipChange', change.priorities.length);
    const sum = (of: (set: (typeof hosts.hostSets)[number]) => number) =>
      hosts.hostSets.reduce((before, set) => before + of(set), 0);
    stats.set(
      'membershipTotal',
      sum((set) => set.hosts.length),
    );
    stats.set(
      'membershipHealthy',
      sum((set) => set.healthy.length),
    );
    stats.set(
      'membershipDegraded',
      sum((set) => set.degraded.length),
    );
    stats.set(
      'membershipExcluded',
      sum((set) => set.excluded.length),
    );
    if (weighs) recordGreatestWeight(hosts.hosts(), scope);
  });
}

export function recordGreatestWeight(hosts: Iterable<{ weight: number }>, scope: Scope): void {
  let greatest = 1;
  for (const { weight } of hosts) greatest = Math.max(greatest, weight);
  clusterStats(scope).set('maxHostWeight', greatest);
}
