/**
 * One member of a cluster as one thread sees it: its address, weight and health, its counters, and the pool of connections to it.
 * It lives as long as updates name it. Follows Envoy's Upstream::Host and
 * https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters
 */
import { type Address, addressText } from '#config/model/address.ts';
import type { Locality } from '#config/model/cluster.ts';
import type { Metadata } from '#config/model/route.ts';
import type { Counter } from '#proxy/observe/stats/metrics.ts';
import type { StatsLease } from '#proxy/observe/stats/stats-lease.ts';
import { type Health, HealthFlag, healthOf, isExcluded } from '#proxy/upstream/host-health.ts';
import type { HostUpdate } from '#proxy/upstream/host-set-update.ts';

/** This thread's share of a host's numbers; the main thread adds the shares up. The active ones go up and down. */
export interface HostStats {
  cxActive: Counter;
  cxConnectFail: Counter;
  cxTotal: Counter;
  rqActive: Counter;
  rqError: Counter;
  rqPendingActive: Counter;
  rqSuccess: Counter;
  rqTimeout: Counter;
  rqTotal: Counter;
}

/** Flags that only a control plane or a configuration sets: an update replaces them and leaves those of health checks alone. */
const CONFIGURED_FLAGS = HealthFlag.FailedEdsHealth | HealthFlag.DegradedEdsHealth | HealthFlag.EdsStatusDraining;

/** What a host is made from. */
export interface HostOrigin {
  cluster: string;
  key: string;
  update: HostUpdate;
  locality: Locality;
  priority: number;
  now: number;
  /** Holds the host's counters until it is removed. */
  lease: StatsLease;
}

export class Host {
  readonly cluster: string;
  /** Names the host within its cluster: its address, `address#2` where it is listed twice, or the name of a logical host. */
  readonly key: string;
  /** Where new connections go; a logical host's changes. */
  address: Address;
  addressText: string;
  additionalAddresses: readonly Address[];
  hostname: string;
  weight: number;
  metadata: Metadata;
  locality: Locality;
  priority: number;
  canary: boolean;
  healthFlags: number;
  health: Health;
  /** Left out when the share of healthy hosts is computed. */
  excluded: boolean;
  /** When it last became healthy, on the monotonic clock: slow start counts from here. */
  healthySince: number;
  readonly stats: HostStats;
  /** For the owner of connections: this thread's pool. */
  pool: unknown = undefined;

  private readonly lease: StatsLease;

  constructor({ cluster, key, update, locality, priority, now, lease }: HostOrigin) {
    this.cluster = cluster;
    this.key = key;
    this.address = update.address;
    this.addressText = addressText(update.address);
    this.additionalAddresses = update.additionalAddresses;
    this.hostname = update.hostname;
    this.weight = update.weight;
    this.metadata = update.metadata;
    this.locality = locality;
    this.priority = priority;
    this.canary = isCanary(update.metadata);
    this.healthFlags = update.healthFlags;
    this.health = healthOf(update.healthFlags);
    this.excluded = isExcluded(update.healthFlags);
    this.healthySince = now;
    this.lease = lease;
    this.stats = hostStats(lease, cluster, key);
  }

  /** Requests of this thread that are under way. */
  get activeRequests(): number {
    return this.stats.rqActive.value;
  }

  /** It is a member no more: what its connections still count goes nowhere. */
  removed(): void {
    this.lease.release();
  }

  /** Takes over what an update says. @returns whether anything changed that balancing looks at. */
  update(update: HostUpdate, locality: Locality, priority: number, now: number): boolean {
    const flags = (this.healthFlags & ~CONFIGURED_FLAGS) | (update.healthFlags & CONFIGURED_FLAGS);
    let changed = this.setHealthFlags(flags, now);
    if (this.weight !== update.weight || this.priority !== priority) changed = true;
    this.address = update.address;
    this.addressText = addressText(update.address);
    this.additionalAddresses = update.additionalAddresses;
    this.hostname = update.hostname;
    this.weight = update.weight;
    this.metadata = update.metadata;
    this.locality = locality;
    this.priority = priority;
    this.canary = isCanary(update.metadata);
    return changed;
  }

  /** @returns whether the flags are others than before. The host set must be told (PrioritySet.healthChanged). */
  setHealthFlags(flags: number, now: number): boolean {
    if (flags === this.healthFlags) return false;
    const before = this.health;
    this.healthFlags = flags;
    this.health = healthOf(flags);
    this.excluded = isExcluded(flags);
    if (this.health === 'healthy' && before !== 'healthy') this.healthySince = now;
    return true;
  }
}

function isCanary(metadata: Metadata): boolean {
  return metadata['envoy.lb']?.canary === true;
}

/** A host's numbers by the names that /clusters shows, in the order in which they lie. */
export const HOST_COUNTERS = [
  'cx_active',
  'cx_connect_fail',
  'cx_total',
  'rq_active',
  'rq_error',
  'rq_pending_active',
  'rq_success',
  'rq_timeout',
  'rq_total',
] as const;

/** The name of a host's numbers among the stats. */
export function hostBlock(cluster: string, key: string): string {
  return `host|${cluster}|${key}`;
}

function hostStats(lease: StatsLease, cluster: string, key: string): HostStats {
  const counters = lease.block(hostBlock(cluster, key), HOST_COUNTERS.length);
  const [cxActive, cxConnectFail, cxTotal, rqActive, rqError, rqPendingActive, rqSuccess, rqTimeout, rqTotal] =
    counters;
  return { cxActive, cxConnectFail, cxTotal, rqActive, rqError, rqPendingActive, rqSuccess, rqTimeout, rqTotal };
}
