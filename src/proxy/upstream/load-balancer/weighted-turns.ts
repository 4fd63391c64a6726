/**
 * When hosts of a source differ in weight, they take turns by it; when all weigh the same, the policy has a cheaper way.
 * Follows Envoy's EdfLoadBalancerBase.
 */
import type { Clock } from '#base/clock.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { EdfScheduler } from '#proxy/upstream/load-balancer/edf-scheduler.ts';
import type { HostSource } from '#proxy/upstream/load-balancer/host-source.ts';
import type { RuntimeNumbers } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { isInSlowStart, slowStartFactor } from '#proxy/upstream/load-balancer/slow-start.ts';

export interface TurnsOptions {
  slowStart?: ClusterConfig['lbConfig']['slowStart'];
  clock: Clock;
  runtime: RuntimeNumbers;
  /** Turns begin somewhere else on each thread. */
  seed: number;
}

/** Gives the source a scheduler where its hosts need one. @param weightOf the weight before slow start. */
export function prepareTurns(
  source: HostSource,
  weightOf: (host: Host) => number,
  { slowStart, clock, runtime, seed }: TurnsOptions,
): void {
  const { hosts } = source;
  source.scheduler = undefined;
  if (hosts.length < 2) return;
  const starting = slowStart !== undefined && hosts.some((host) => isInSlowStart(host, slowStart, clock.now()));
  if (!starting && hosts.every((host) => host.weight === hosts[0].weight)) return;
  const weight = starting
    ? (host: Host) =>
        weightOf(host) * slowStartFactor(host, slowStart, runtime.double(slowStart.aggression), clock.now())
    : weightOf;
  source.scheduler = new EdfScheduler(hosts, weight, seed);
}
