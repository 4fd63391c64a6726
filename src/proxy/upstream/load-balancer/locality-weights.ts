/**
 * Turns among localities by their weights, scaled by how many of their hosts can be used.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/locality_weight
 */
import type { HostSet, LocalityHosts } from '#proxy/upstream/host-set.ts';
import { EdfScheduler } from '#proxy/upstream/load-balancer/edf-scheduler.ts';

/** @returns turns over indexes of `set.localities`, or undefined where no locality with usable hosts has a weight. */
export function localityScheduler(
  set: HostSet,
  usable: 'healthy' | 'degraded',
  turns: number,
): EdfScheduler<number> | undefined {
  const weights = set.localities.map((locality) => effectiveWeight(locality, usable, set.overprovisioningFactor));
  const indexes = weights.flatMap((weight, i) => (weight > 0 ? [i] : []));
  return indexes.length === 0 ? undefined : new EdfScheduler(indexes, (i) => weights[i], turns);
}

function effectiveWeight(locality: LocalityHosts, usable: 'healthy' | 'degraded', overprovisioning: number): number {
  const count = locality.hosts.length - locality.excluded.length;
  if (count === 0 || locality.weight === undefined) return 0;
  return locality.weight * Math.min(1, ((overprovisioning / 100) * locality[usable].length) / count);
}
