/**
 * Consistent hashing with bounded loads: a host that has more than its share of the requests under way is passed over, for the first of the
 * others, in an order that the hash decides, which has room, else for the one with the most.
 * Follows hash_balance_factor of Cluster.CommonLbConfig.ConsistentHashingLbConfig, https://arxiv.org/abs/1608.01350 and
 * https://arxiv.org/abs/1908.08762. What is under way is counted on this thread alone.
 */
import { MersenneTwister } from '#base/mersenne-twister.ts';
import type { Hash64 } from '#base/xx-hash.ts';
import type { Gauge } from '#proxy/observe/stats/metrics.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HashTable } from '#proxy/upstream/load-balancer/hash-balancer.ts';
import type { NormalizedWeights } from '#proxy/upstream/load-balancer/normalized-weights.ts';

export class BoundedTable implements HashTable {
  private readonly table: HashTable;
  private readonly hosts: NormalizedWeights['hosts'];
  private readonly weights: ReadonlyMap<Host, number>;
  private readonly factor: number;
  /** The cluster's requests under way. */
  private readonly active: Pick<Gauge, 'value'>;

  /** @param factor how many percent of its share a host may have, 100 at least */
  constructor(table: HashTable, { hosts }: NormalizedWeights, factor: number, active: Pick<Gauge, 'value'>) {
    this.table = table;
    this.hosts = hosts;
    this.weights = new Map(hosts.map(({ host, weight }) => [host, weight]));
    this.factor = factor;
    this.active = active;
  }

  choose(hash: Hash64, attempt: number): Host | undefined {
    const first = this.table.choose(hash, attempt);
    if (first === undefined) return undefined;
    let least = this.overload(first, this.weights.get(first) ?? 0);
    if (least <= 1) return first;
    let chosen = first;
    for (const { host, weight } of shuffled(this.hosts, hash.low)) {
      if (host === first) continue;
      const overload = this.overload(host, weight);
      if (overload <= 1) return host;
      if (overload < least) [chosen, least] = [host, overload];
    }
    return chosen;
  }

  /** @returns above 1: it has more than it should */
  private overload({ activeRequests }: Host, weight: number): number {
    const slots = Math.floor(((this.active.value + 1) * this.factor + 99) / 100);
    return activeRequests / Math.max(Math.ceil(slots * weight), 1);
  }
}

/** In an order that the seed decides, the same as Envoy's. */
function* shuffled<T>(items: readonly T[], seed: number): Generator<T> {
  const random = new MersenneTwister(seed);
  const left = [...items];
  for (let i = 0; i < left.length; i++) {
    const other = i + below(random, left.length - i);
    [left[i], left[other]] = [left[other], left[i]];
    yield left[i];
  }
}

function below(random: MersenneTwister, limit: number): number {
  const part = Math.floor(2 ** 32 / limit);
  for (;;) {
    const number = Math.floor(random.uint32() / part);
    if (number < limit) return number;
  }
}
