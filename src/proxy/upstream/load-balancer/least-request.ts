/**
 * The host with the fewest requests of this thread: of a few chosen at random, or of all. Where weights differ, turns by weight, divided
 * by the requests under way.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#weighted-least-request
 */
import type { Random } from '#base/random.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSource } from '#proxy/upstream/load-balancer/host-source.ts';
import type { RuntimeNumbers } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { Policy } from '#proxy/upstream/load-balancer/policy-balancer.ts';

/** @param prepare gives a source its turns by weight, where it needs them. */
export function leastRequest(
  { choiceCount, activeRequestBias, selectionMethod }: ClusterConfig['lbConfig'],
  { random, runtime }: { random: Random; runtime: RuntimeNumbers },
  prepare: (source: HostSource, weightOf: (host: Host) => number) => void,
): Policy {
  let bias = 1;
  const weightOf = (host: Host) => {
    const load = host.activeRequests + 1;
    return host.weight / (bias === 1 ? load : load ** bias);
  };
  const choose =
    selectionMethod === 'FULL_SCAN'
      ? (hosts: readonly Host[]) => leastOfAll(hosts, random)
      : (hosts: readonly Host[]) => leastOfSome(hosts, choiceCount, random);
  return {
    prepare(source) {
      // As in Envoy, what the runtime says counts from the next change of the members on.
      const given = runtime.double(activeRequestBias);
      bias = given >= 0 ? given : 1;
      prepare(source, weightOf);
    },
    pick: (source) => source.scheduler?.next() ?? choose(source.hosts),
    // Who has least then is not known.
    peek: (source) => source.scheduler?.next(),
  };
}

function leastOfSome(hosts: readonly Host[], choiceCount: number, random: Random): Host {
  let least = hosts[random.uint32() % hosts.length];
  for (let choice = 1; choice < choiceCount; choice++) {
    const other = hosts[random.uint32() % hosts.length];
    if (other.activeRequests < least.activeRequests) least = other;
  }
  return least;
}

/** Each of those that share the lowest number is as likely as the others. */
function leastOfAll(hosts: readonly Host[], random: Random): Host {
  let least = hosts[0];
  let equals = 1;
  for (let i = 1; i < hosts.length; i++) {
    const other = hosts[i];
    if (other.activeRequests < least.activeRequests) {
      least = other;
      equals = 1;
    } else if (other.activeRequests === least.activeRequests && random.uint32() % ++equals === 0) {
      least = other;
    }
  }
  return least;
}
