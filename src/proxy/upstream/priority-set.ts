/**
 * The members of a cluster on one thread, by priority. Updates come as plain data; a host that an update names again stays the same
 * object, with its pool and counters. Follows Envoy's Upstream::PrioritySet.
 */
import type { Clock } from '#base/clock.ts';
import { addressText } from '#config/model/address.ts';
import type { Locality } from '#config/model/cluster.ts';
import type { StatsLease } from '#proxy/observe/stats/stats-lease.ts';
import { Host } from '#proxy/upstream/host.ts';
import { type HostSet, hostGroup, type LocalityHosts, regrouped } from '#proxy/upstream/host-set.ts';
import {
  type HostSetUpdate,
  type HostShard,
  type HostUpdate,
  type LocalityUpdate,
  type PriorityUpdate,
  sameLocality,
} from '#proxy/upstream/host-set-update.ts';

/** What an update changed. Pools of removed hosts are for their owner to drain, and it tells them (Host.removed). */
export interface MembershipChange {
  added: Host[];
  removed: Host[];
  /** Priorities whose members came or went. */
  priorities: number[];
}

export type MembershipListener = (change: MembershipChange) => void;

export class PrioritySet {
  readonly cluster: string;
  /** By priority; there is always a first. */
  hostSets: readonly HostSet[];
  /** Of a Redis cluster: who has which slots. */
  shards: readonly HostShard[] = [];
  private readonly byKey = new Map<string, Host>();
  private listeners: readonly MembershipListener[] = [];
  private readonly lease: () => StatsLease;
  private readonly clock: Clock;
  /** Counts them. */
  private updates = 0;
  private readonly localLocality: Locality | undefined;

  /**
   * @param lease makes room for one host's counters at the root of this thread's stats, when it counts something.
   * @param localLocality where the proxy itself runs, from the node; undefined or all empty: not known.
   */
  constructor(cluster: string, lease: () => StatsLease, clock: Clock, localLocality?: Locality) {
    this.cluster = cluster;
    this.lease = lease;
    this.clock = clock;
    const known = localLocality !== undefined && Object.values(localLocality).some((part) => part !== '');
    this.localLocality = known ? localLocality : undefined;
    this.hostSets = [
      this.hostSet(0, { overprovisioningFactor: 140, weightedPriorityHealth: false, localities: [] }, []),
    ];
  }

  /** Replaces the members. Listeners hear of it, also when only weights or health changed. */
  update(update: HostSetUpdate): MembershipChange {
    const change: MembershipChange = { added: [], removed: [], priorities: [] };
    const touched = new Set<number>();
    this.updates++;
    const sets = update.priorities.map((priorityUpdate, priority) => {
      const hosts = priorityUpdate.localities.map((locality) =>
        locality.hosts.map((host) => this.take(host, locality, priority, change, touched)),
      );
      return this.hostSet(priority, priorityUpdate, hosts);
    });
    for (const [key, host] of this.byKey) {
      if (host.namedBy === this.updates) continue;
      this.byKey.delete(key);
      change.removed.push(host);
      touched.add(host.priority);
    }
    if (sets.length > 0) this.hostSets = sets;
    this.shards = update.shards ?? [];
    change.priorities = [...touched].sort();
    this.tell(change);
    return change;
  }

  /** For health checks and outlier detection: sorts hosts anew after flags of one or more of them were set. */
  healthChanged(): void {
    this.hostSets = this.hostSets.map(regrouped);
    this.tell({ added: [], removed: [], priorities: [] });
  }

  /** Calls back after every change, in the order of registration. @returns how to stop that. */
  onChange(listener: MembershipListener): () => void {
    this.listeners = [...this.listeners, listener];
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener);
    };
  }

  /** The host with this address, or undefined: for overrides such as x-envoy-... headers and stateful sessions. */
  find(address: string): Host | undefined {
    return this.byKey.get(address);
  }

  /** All hosts of all priorities. */
  *hosts(): IterableIterator<Host> {
    for (const set of this.hostSets) yield* set.hosts;
  }

  private tell(change: MembershipChange): void {
    for (const listener of this.listeners) listener(change);
  }

  /** The host that the update names: the one that is there, or a new one. */
  private take(
    update: HostUpdate,
    { locality }: LocalityUpdate,
    priority: number,
    change: MembershipChange,
    touched: Set<number>,
  ): Host {
    const text = addressText(update.address);
    const name = update.key ?? text;
    let key = name;
    let known = this.byKey.get(key);
    for (let copy = 2; known?.namedBy === this.updates; copy++) {
      key = `${name}#${copy}`;
      known = this.byKey.get(key);
    }
    const now = this.clock.now();
    if (known !== undefined) {
      known.namedBy = this.updates;
      if (known.priority !== priority) touched.add(known.priority).add(priority);
      known.update(update, locality, priority, text, now);
      return known;
    }
    const { cluster, lease } = this;
    const host = new Host({ cluster, key, update, locality, priority, text, now, lease });
    host.namedBy = this.updates;
    this.byKey.set(key, host);
    change.added.push(host);
    touched.add(priority);
    return host;
  }

  private hostSet(priority: number, update: PriorityUpdate, hosts: Host[][]): HostSet {
    const groups = hosts.map(hostGroup);
    const localities: LocalityHosts[] = update.localities.map(({ locality, weight }, i) => ({
      locality,
      weight,
      ...groups[i],
    }));
    localities.sort((one, other) => this.rank(one.locality) - this.rank(other.locality) || byName(one, other));
    return {
      priority,
      overprovisioningFactor: update.overprovisioningFactor,
      weightedPriorityHealth: update.weightedPriorityHealth,
      ...(groups.length === 1 ? groups[0] : hostGroup(hosts.flat())),
      localities,
      hasLocalLocality: localities.length > 0 && this.rank(localities[0].locality) === 0,
    };
  }

  private rank(locality: Locality): number {
    return this.localLocality !== undefined && sameLocality(locality, this.localLocality) ? 0 : 1;
  }
}

function byName({ locality: one }: LocalityHosts, { locality: other }: LocalityHosts): number {
  return compare(one.region, other.region) || compare(one.zone, other.zone) || compare(one.subZone, other.subZone);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
