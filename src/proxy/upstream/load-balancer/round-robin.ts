/**
 * Each host in turn, or by weight where weights differ.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#weighted-round-robin
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSource } from '#proxy/upstream/load-balancer/host-source.ts';
import type { Policy } from '#proxy/upstream/load-balancer/policy-balancer.ts';

/** @param prepare gives a source its turns by weight, where it needs them. */
export function roundRobin(prepare: (source: HostSource, weightOf: (host: Host) => number) => void): Policy {
  return {
    prepare(source) {
      prepare(source, (host) => host.weight);
    },

    pick(source) {
      if (source.scheduler !== undefined) return source.scheduler.next();
      const { hosts, next } = source;
      source.next = next + 1 === hosts.length ? 0 : next + 1;
      return hosts[next];
    },
  };
}
