/**
 * The hosts of one priority of a cluster, sorted by health and by locality. It is replaced, never changed, when members or their health
 * change. Follows Envoy's Upstream::HostSet.
 */
import type { Locality } from '#config/model/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';

/** Hosts, and which of them are healthy, degraded and left out of shares. */
export interface HostGroup {
  readonly hosts: readonly Host[];
  readonly healthy: readonly Host[];
  readonly degraded: readonly Host[];
  readonly excluded: readonly Host[];
}

export interface LocalityHosts extends HostGroup {
  readonly locality: Locality;
  readonly weight: number | undefined;
}

export interface HostSet extends HostGroup {
  readonly priority: number;
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  /** The proxy's own locality first where it is among them, the others in the order of their names. */
  readonly localities: readonly LocalityHosts[];
  readonly hasLocalLocality: boolean;
}

const NONE: readonly Host[] = [];

export function hostGroup(hosts: readonly Host[]): HostGroup {
  if (hosts.every(isPlain)) return { hosts, healthy: hosts, degraded: NONE, excluded: NONE };
  return {
    hosts,
    healthy: hosts.filter((host) => host.health === 'healthy'),
    degraded: hosts.filter((host) => host.health === 'degraded'),
    excluded: hosts.filter((host) => host.excluded),
  };
}

function isPlain({ health, excluded }: Host): boolean {
  return health === 'healthy' && !excluded;
}

/** The host set with the health that its hosts have now. */
export function regrouped(set: HostSet): HostSet {
  return {
    ...set,
    ...hostGroup(set.hosts),
    localities: set.localities.map((locality) => ({ ...locality, ...hostGroup(locality.hosts) })),
  };
}
