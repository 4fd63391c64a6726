/**
 * A ring on which every host stands many times, by hashes of its name: a key belongs to the host that stands next after its hash.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#ring-hash
 */
import { compareHashes, type Hash64, xxHash64Text } from '#base/xx-hash.ts';
import type { RingHashConfig } from '#config/model/cluster.ts';
import type { Gauge, Scope } from '#proxy/observe/stats/metrics.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HashTable } from '#proxy/upstream/load-balancer/hash-balancer.ts';
import { murmurHash2 } from '#proxy/upstream/load-balancer/murmur-hash.ts';
import { hashKeyOf, type NormalizedWeights } from '#proxy/upstream/load-balancer/normalized-weights.ts';

export interface RingStats {
  size: Gauge;
  minHashesPerHost: Gauge;
  maxHashesPerHost: Gauge;
}

/** @param scope the cluster's own */
export function ringStats(scope: Scope): RingStats {
  const inside = scope.scope('ring_hash_lb');
  return {
    size: inside.gauge('size'),
    minHashesPerHost: inside.gauge('min_hashes_per_host'),
    maxHashesPerHost: inside.gauge('max_hashes_per_host'),
  };
}

interface Entry {
  hash: Hash64;
  host: Host;
}

export class HashRing implements HashTable {
  private readonly entries: Entry[] = [];

  constructor(weights: NormalizedWeights, config: RingHashConfig, stats: RingStats | undefined) {
    const { hosts, least } = weights;
    if (hosts.length === 0) return;
    // The host of least weight stands on the ring a whole number of times.
    const scale = Math.min(Math.ceil(least * config.minimumRingSize) / least, config.maximumRingSize);
    const size = Math.ceil(scale);
    const hashOf = config.hashFunction === 'MURMUR_HASH_2' ? murmurHash2 : (text: string) => xxHash64Text(text);
    let [current, target] = [0, 0];
    let [fewest, most] = [size, 0];
    for (const { host, weight } of hosts) {
      const key = hashKeyOf(host, config.useHostname);
      target += scale * weight;
      let count = 0;
      for (; current < target; current++) this.entries.push({ hash: hashOf(`${key}_${count++}`), host });
      fewest = Math.min(fewest, count);
      most = Math.max(most, count);
    }
    this.entries.sort((one, other) => compareHashes(one.hash, other.hash));
    stats?.size.set(size);
    stats?.minHashesPerHost.set(fewest);
    stats?.maxHashesPerHost.set(most);
  }

  choose(hash: Hash64, attempt: number): Host | undefined {
    const { entries } = this;
    if (entries.length === 0) return undefined;
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareHashes(entries[middle].hash, hash) < 0) low = middle + 1;
      else high = middle;
    }
    return entries[(low + attempt) % entries.length].host;
  }
}
