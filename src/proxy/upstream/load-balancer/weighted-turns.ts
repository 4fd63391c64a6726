/**
 * When hosts of a source differ in weight, they take turns by it; when all weigh the same, the policy has a cheaper way.
 * Follows Envoy's EdfLoadBalancerBase.
 */
import type { Clock } from '#base/clock.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { EdfScheduler } from '#proxy/upstream/load-balancer/edf-scheduler.ts';
import type { HostSource } from '#proxy/upstream/load-balancer/host-source.ts';
import { isInSlowStart, type SlowStart, slowStartFactor } from '#proxy/upstream/load-balancer/slow-start.ts';

/** Gives the source a scheduler where its hosts need one. @param weightOf the weight before slow start. */
export function prepareTurns(
  source: HostSource,
  weightOf: (host: Host) => number,
  { slowStart, clock, seed }: { slowStart?: SlowStart; clock: Clock; seed: number },
): void {
  const { hosts } = source;
  source.scheduler = undefined;
  if (hosts.length < 2) return;
  const starting = slowStart !== undefined && hosts.some((host) => isInSlowStart(host, slowStart, clock.now()));
  if (!starting && hosts.every((host) => host.weight === hosts[0].weight)) return;
  const weight = starting ? (host: Host) => weightOf(host) * slowStartFactor(host, slowStart, clock.now()) : weightOf;
  source.scheduler = new EdfScheduler(hosts, weight, seed);
}
