/**
 * Hosts that just came, or just became healthy, get a smaller weight that grows over a window.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start
 */
import type { Host } from '#proxy/upstream/host.ts';

export interface SlowStart {
  /** Milliseconds. */
  window: number;
  minWeightPercent: number;
}

export function isInSlowStart(host: Host, slowStart: SlowStart, now: number): boolean {
  return host.health === 'healthy' && now - host.healthySince < slowStart.window;
}

/**
 * @param aggression 1: weight grows in a straight line; above 1: faster at first
 * @returns what the host's weight is multiplied by, up to 1.
 */
export function slowStartFactor(host: Host, slowStart: SlowStart, aggression: number, now: number): number {
  if (!isInSlowStart(host, slowStart, now)) return 1;
  const time = Math.max(1, now - host.healthySince) / slowStart.window;
  const grown = aggression > 0 && aggression !== 1 ? time ** (1 / aggression) : time;
  return Math.max(grown, slowStart.minWeightPercent / 100);
}
