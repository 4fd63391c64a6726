/**
 * How requests are shared among priorities by the health of their hosts, and when health is ignored (panic).
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
 * and https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/panic_threshold
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { HostGroup, HostSet } from '#proxy/upstream/host-set.ts';
import type { PriorityLoad } from '#proxy/upstream/load-balancer/load-balancer.ts';

export interface PriorityHealth extends PriorityLoad {
  /** Priorities where health is ignored. */
  panic: readonly boolean[];
}

/** @param panicThreshold in whole percent; 0 turns panic off. */
export function priorityHealth(sets: readonly HostSet[], panicThreshold: number): PriorityHealth {
  const healthyShare = sets.map((set) => availability(set, set.healthy));
  const degradedShare = sets.map((set) => availability(set, set.degraded));
  const available = Math.min(100, sum(healthyShare) + sum(degradedShare));
  const calm = sets.map(() => false);
  const none = sets.map(() => 0);

  if (available === 0 && panicThreshold === 0) return { healthy: firstTakesAll(sets), degraded: none, panic: calm };
  const panic = available === 100 ? calm : sets.map((set) => isInPanic(set, panicThreshold));
  if (panic.every(Boolean)) return { healthy: byNumberOfHosts(sets), degraded: none, panic };

  const healthy = distribute(healthyShare, 100, available);
  const degraded = distribute(degradedShare, 100 - sum(healthy), available);
  // What is left comes from rounding: the first priority that has anybody takes it.
  const rest = 100 - sum(healthy) - sum(degraded);
  const first = healthyShare.findIndex((share) => share > 0);
  if (first >= 0) healthy[first] += rest;
  else degraded[degradedShare.findIndex((share) => share > 0)] += rest;
  return { healthy, degraded, panic };
}

/** Whether too few of the group's hosts can be used for health to be trusted. */
export function isInPanic(group: HostGroup, panicThreshold: number): boolean {
  const count = group.hosts.length - group.excluded.length;
  const usable = count === 0 ? 0 : (100 * (group.healthy.length + group.degraded.length)) / count;
  return usable < panicThreshold;
}

/** The share of a priority's hosts that are among `usable`, times the overprovisioning factor, in whole percent up to 100. */
export function availability(set: HostSet, usable: readonly Host[]): number {
  if (set.hosts.length === set.excluded.length) return 0;
  const size = (hosts: readonly Host[]) =>
    set.weightedPriorityHealth ? hosts.reduce((total, host) => total + host.weight, 0) : hosts.length;
  const total = size(set.hosts) - size(set.excluded);
  return Math.min(100, Math.floor((set.overprovisioningFactor * size(usable)) / total));
}

/** Gives each priority in turn as much of the load as its availability allows. */
function distribute(shares: number[], load: number, available: number): number[] {
  let left = load;
  return shares.map((share) => {
    const given = Math.min(left, Math.floor((share * 100) / available));
    left -= given;
    return given;
  });
}

/** In total panic priorities count by how many hosts they have. */
function byNumberOfHosts(sets: readonly HostSet[]): number[] {
  const total = sum(sets.map((set) => set.hosts.length));
  if (total === 0) return firstTakesAll(sets);
  const load = sets.map((set) => Math.floor((100 * set.hosts.length) / total));
  load[sets.findIndex((set) => set.hosts.length > 0)] += 100 - sum(load);
  return load;
}

function firstTakesAll(sets: readonly HostSet[]): number[] {
  return sets.map((_, priority) => (priority === 0 ? 100 : 0));
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** @returns the priority whose share of the load holds the point (from 1), or -1 where the shares end before it. */
export function priorityAt(shares: readonly number[], point: number): number {
  let upTo = 0;
  for (let priority = 0; priority < shares.length; priority++) {
    upTo += shares[priority];
    if (point <= upTo) return priority;
  }
  return -1;
}
