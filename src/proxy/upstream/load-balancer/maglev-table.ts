/**
 * A table in which every host has its share of the places, each host choosing by a permutation of its own: a key belongs to the host at the
 * place of its hash. Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#maglev
 */
import { type Hash64, remainder, xxHash64Text } from '#base/xx-hash.ts';
import type { MaglevConfig } from '#config/model/cluster.ts';
import type { Gauge, Scope } from '#proxy/observe/stats/metrics.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HashTable } from '#proxy/upstream/load-balancer/hash-balancer.ts';
import { hashKeyOf, type NormalizedWeights } from '#proxy/upstream/load-balancer/normalized-weights.ts';

export interface MaglevStats {
  minEntriesPerHost: Gauge;
  maxEntriesPerHost: Gauge;
}

/** @param scope the cluster's own */
export function maglevStats(scope: Scope): MaglevStats {
  const inside = scope.scope('maglev_lb');
  return {
    minEntriesPerHost: inside.gauge('min_entries_per_host'),
    maxEntriesPerHost: inside.gauge('max_entries_per_host'),
  };
}

interface Builder {
  host: Host;
  offset: number;
  skip: number;
  weight: number;
  /** The weight that it has its next turn at. */
  target: number;
  next: number;
  count: number;
}

const SECOND_SEED: Hash64 = { high: 0, low: 1 };
const FREE = -1;

export class MaglevTable implements HashTable {
  private readonly size: number;
  private readonly hosts: Host[];
  /** For each place, the number of its host. */
  private readonly places: Int32Array;

  constructor(weights: NormalizedWeights, { tableSize, useHostname }: MaglevConfig, stats: MaglevStats | undefined) {
    this.size = tableSize;
    // The order in which hosts take their turns does not depend on the order in which they are listed.
    const sorted = weights.hosts
      .map(({ host, weight }) => ({ key: hashKeyOf(host, useHostname), host, weight }))
      .sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
    this.hosts = sorted.map(({ host }) => host);
    this.places = new Int32Array(sorted.length === 0 ? 0 : tableSize).fill(FREE);
    if (sorted.length === 0) return;
    const builders = sorted.map(
      ({ key, host, weight }): Builder => ({
        host,
        offset: remainder(xxHash64Text(key), tableSize),
        skip: remainder(xxHash64Text(key, SECOND_SEED), tableSize - 1) + 1,
        weight,
        target: 0,
        next: 0,
        count: 0,
      }),
    );
    this.fill(builders, weights.greatest);
    const counts = builders.map(({ count }) => count);
    stats?.minEntriesPerHost.set(Math.min(...counts));
    stats?.maxEntriesPerHost.set(Math.max(...counts));
  }

  /** Hosts take a place in turn; one of a third of the greatest weight has every third turn. */
  private fill(builders: Builder[], greatest: number): void {
    const { places, size } = this;
    let filled = 0;
    for (let turn = 1; filled < size; turn++) {
      for (let i = 0; i < builders.length && filled < size; i++) {
        const builder = builders[i];
        if (turn * builder.weight < builder.target) continue;
        builder.target += greatest;
        let place = placeOf(builder, size);
        while (places[place] !== FREE) place = placeOf(builder, size);
        places[place] = i;
        builder.count++;
        filled++;
      }
    }
  }

  choose(hash: Hash64, attempt: number): Host | undefined {
    if (this.hosts.length === 0) return undefined;
    return this.hosts[this.places[remainder(attempt === 0 ? hash : turned(hash, attempt), this.size)]];
  }
}

/** The next place in the host's own order. */
function placeOf(builder: Builder, size: number): number {
  return (builder.offset + builder.skip * builder.next++) % size;
}

/** Another hash for another attempt: nearly all bits the other way round. */
function turned({ high, low }: Hash64, attempt: number): Hash64 {
  return { high: ~high >>> 0, low: (low ^ (0xffff_ffff - attempt + 1)) >>> 0 };
}
