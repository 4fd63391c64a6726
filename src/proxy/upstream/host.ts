/**
 * One member of a cluster as one thread sees it: its address, weight and health, its counters, and the pool of connections to it.
 * It lives as long as updates name it. Follows Envoy's Upstream::Host and
 * https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters
 */
import type { Address } from '#config/model/address.ts';
import type { Locality } from '#config/model/cluster.ts';
import type { Metadata } from '#config/model/route.ts';
import { Counter, detached } from '#proxy/observe/stats/metrics.ts';
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
  /** The text of its address. */
  text: string;
  now: number;
  /** Makes what holds the host's counters from the first that is counted until the host is removed. */
  lease: () => StatsLease;
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
  /** For its priority set: the last update that named it. */
  namedBy = 0;
  /** For the owner of connections: this thread's pool. */
  pool: unknown = undefined;

  private readonly makeLease: () => StatsLease;
  private lease: StatsLease | undefined = undefined;
  private counted: HostStats | undefined = undefined;

  constructor({ cluster, key, update, locality, priority, text, now, lease }: HostOrigin) {
    this.cluster = cluster;
    this.key = key;
    this.address = update.address;
    this.addressText = text;
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
    this.makeLease = lease;
  }

  /** Made when something is counted first: most hosts of large clusters count nothing on most threads. */
  get stats(): HostStats {
    return this.counted ?? this.count();
  }

  private count(): HostStats {
    this.lease = this.makeLease();
    this.counted = hostStats(this.lease, this.cluster, this.key);
    return this.counted;
  }

  /** Requests of this thread that are under way. */
  get activeRequests(): number {
    return this.counted === undefined ? 0 : this.counted.rqActive.value;
  }

  /** It is a member no more: what its connections still count goes nowhere. */
  removed(): void {
    this.lease?.release();
    this.counted ??= NOT_COUNTED;
  }

  /** Takes over what an update says. @param text of its address. @returns whether anything changed that balancing looks at. */
  update(update: HostUpdate, locality: Locality, priority: number, text: string, now: number): boolean {
    const flags = (this.healthFlags & ~CONFIGURED_FLAGS) | (update.healthFlags & CONFIGURED_FLAGS);
    let changed = this.setHealthFlags(flags, now);
    if (this.weight !== update.weight || this.priority !== priority) changed = true;
    this.address = update.address;
    this.addressText = text;
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
  return byName(lease.block(hostBlock(cluster, key), HOST_COUNTERS.length));
}

/** Of hosts that are gone before they counted anything. */
const NOT_COUNTED = byName(HOST_COUNTERS.map(() => detached(new Counter(new Float64Array(1), 0))));

function byName(counters: readonly Counter[]): HostStats {
  const [cxActive, cxConnectFail, cxTotal, rqActive, rqError, rqPendingActive, rqSuccess, rqTimeout, rqTotal] =
    counters;
  return { cxActive, cxConnectFail, cxTotal, rqActive, rqError, rqPendingActive, rqSuccess, rqTimeout, rqTotal };
}
