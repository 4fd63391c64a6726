/**
 * Any host, whatever its weight.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#random
 */
import type { Random } from '#base/random.ts';
import type { Policy } from '#proxy/upstream/load-balancer/policy-balancer.ts';

export function randomChoice(random: Random): Policy {
  return {
    prepare() {},
    pick: ({ hosts }) => hosts[random.uint32() % hosts.length],
  };
}
