/**
 * The load balancer of Redis clusters: a slot belongs to a primary, and reading may be left to its replicas.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/redis#redis-cluster-support-experimental
 */
import type { Random } from '#base/random.ts';
import type { RedisReadPolicy } from '#config/model/redis-proxy.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancer } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

interface Shard {
  primary: Host | undefined;
  replicas: Host[];
}

export class SlotBalancer implements LoadBalancer {
  readonly asksRequest = false;
  private readonly members: PrioritySet;
  private readonly random: Random;
  private readonly stop: () => void;
  private shards: Shard[] = [];
  /** For each slot, the number of its shard and one more; 0: nobody has it. */
  private readonly shardOfSlot: Uint16Array;

  /** @param slots how many there are */
  constructor(members: PrioritySet, random: Random, slots: number) {
    this.members = members;
    this.random = random;
    this.shardOfSlot = new Uint16Array(slots);
    this.refresh();
    this.stop = members.onChange(() => this.refresh());
  }

  get shardCount(): number {
    return this.shards.length;
  }

  /** @param policy of a command that only reads; else the primary's */
  chooseSlot(slot: number, policy: RedisReadPolicy): Host | undefined {
    return this.fromShard(this.shards[this.shardOfSlot[slot] - 1], policy);
  }

  chooseShard(number: number, policy: RedisReadPolicy): Host | undefined {
    return this.fromShard(this.shards[number], policy);
  }

  /** A primary, for who has no key. */
  choose(): Host | undefined {
    return this.shards[this.random.uint32() % Math.max(1, this.shards.length)]?.primary;
  }

  peekAnother(): Host | undefined {
    return undefined;
  }

  close(): void {
    this.stop();
  }

  private refresh(): void {
    const { shards, members } = { shards: this.members.shards, members: this.members };
    this.shardOfSlot.fill(0);
    this.shards = shards.map(({ primary, replicas, slots }, i) => {
      for (const [first, last] of slots) this.shardOfSlot.fill(i + 1, first, last + 1);
      return {
        primary: members.find(primary),
        replicas: replicas.flatMap((key) => members.find(key) ?? []),
      };
    });
  }

  private fromShard(shard: Shard | undefined, policy: RedisReadPolicy): Host | undefined {
    if (shard === undefined) return undefined;
    const { primary, replicas } = shard;
    switch (policy) {
      case 'MASTER':
        return primary;
      case 'PREFER_MASTER':
        return primary !== undefined && usable(primary) ? primary : (this.any(replicas) ?? primary);
      case 'REPLICA':
        return this.any(replicas);
      case 'PREFER_REPLICA':
        return this.any(replicas) ?? primary;
      case 'ANY':
        return this.any(primary === undefined ? replicas : [primary, ...replicas]);
    }
  }

  private any(hosts: readonly Host[]): Host | undefined {
    const usableOnes = hosts.filter(usable);
    return usableOnes[this.random.uint32() % Math.max(1, usableOnes.length)];
  }
}

function usable(host: Host): boolean {
  return host.health !== 'unhealthy';
}
