/**
 * The weights of a priority's hosts as shares of one: what consistent hashing gives them their parts of the table by.
 * Follows Envoy's ThreadAwareLoadBalancerBase.
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSet } from '#proxy/upstream/host-set.ts';

export interface NormalizedWeights {
  hosts: { host: Host; weight: number }[];
  least: number;
  greatest: number;
}

/** @param panic health is not looked at. @param localityWeighted each locality has its own share, and its hosts theirs of it */
export function normalizedWeights(set: HostSet, panic: boolean, localityWeighted: boolean): NormalizedWeights {
  const weights: NormalizedWeights = { hosts: [], least: 1, greatest: 0 };
  const { localities } = set;
  if (!localityWeighted || localities.every(({ weight }) => weight === undefined)) {
    addHosts(weights, panic ? set.hosts : set.healthy, 1);
    return weights;
  }
  const usable = localities.map((locality) => (panic ? locality.hosts : locality.healthy));
  const sum = localities.reduce((total, { weight = 0 }, i) => total + (usable[i].length > 0 ? weight : 0), 0);
  for (const [i, { weight = 0 }] of localities.entries()) {
    if (usable[i].length > 0 && weight > 0) addHosts(weights, usable[i], weight / sum);
  }
  return weights;
}

function addHosts(weights: NormalizedWeights, hosts: readonly Host[], share: number): void {
  const sum = hosts.reduce((total, { weight }) => total + weight, 0);
  for (const host of hosts) {
    const weight = (host.weight * share) / sum;
    weights.hosts.push({ host, weight });
    weights.least = Math.min(weights.least, weight);
    weights.greatest = Math.max(weights.greatest, weight);
  }
}

/** What stands for a host where it is hashed: `hash_key` of its metadata, else its name or its address. */
export function hashKeyOf(host: Host, useHostname: boolean): string {
  const key = host.metadata['envoy.lb']?.hash_key;
  if (typeof key === 'string') return key;
  return useHostname ? host.hostname : host.addressText;
}
