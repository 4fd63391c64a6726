/**
 * The members of a cluster as plain data, as discovery on the main thread hands them to every worker: what Envoy's PrioritySet holds, without
 * objects, so that it crosses threads. Follows config.endpoint.v3.ClusterLoadAssignment.
 */
import type { Address } from '#config/model/address.ts';
import type { Endpoint, LoadAssignment, Locality } from '#config/model/cluster.ts';
import type { Metadata } from '#config/model/route.ts';
import { edsHealthFlags } from '#proxy/upstream/host-health.ts';

/** All members of one cluster: each update replaces what was there. */
export interface HostSetUpdate {
  cluster: string;
  /** By priority, 0 first; a priority that nobody named in between has no localities. */
  priorities: PriorityUpdate[];
  /** Requests that are refused whatever the members. */
  dropOverloads: LoadAssignment['dropOverloads'];
  /** Of a Redis cluster. */
  shards?: HostShard[];
}

/** In a Redis cluster: who has which slots. Hosts go by their keys. */
export interface HostShard {
  slots: [first: number, last: number][];
  primary: string;
  replicas: string[];
}

export interface PriorityUpdate {
  /** In percent, 140 by default: how many more hosts there are than are needed. */
  overprovisioningFactor: number;
  weightedPriorityHealth: boolean;
  localities: LocalityUpdate[];
}

export interface LocalityUpdate {
  locality: Locality;
  /** Undefined: not set, and no traffic where localities are weighted. */
  weight?: number;
  hosts: HostUpdate[];
}

export interface HostUpdate {
  /** What tells the host from others, where that is not its address alone: all addresses of a logical host. */
  key?: string;
  address: Address;
  additionalAddresses: Address[];
  hostname: string;
  weight: number;
  metadata: Metadata;
  /** Bits of host-health.ts. */
  healthFlags: number;
}

/** Members that have no locality and no other priority. */
export function oneLocality(cluster: string, hosts: HostUpdate[]): HostSetUpdate {
  const locality = { locality: { region: '', zone: '', subZone: '' }, hosts };
  return {
    cluster,
    dropOverloads: [],
    priorities: [{ overprovisioningFactor: 140, weightedPriorityHealth: false, localities: [locality] }],
  };
}

/** The endpoint as a host with an address that is known already. */
export function hostUpdateOf(endpoint: Endpoint): HostUpdate {
  return {
    address: endpoint.address,
    additionalAddresses: endpoint.additionalAddresses,
    hostname: endpoint.hostname,
    weight: endpoint.weight,
    metadata: endpoint.metadata,
    healthFlags: edsHealthFlags(endpoint.healthStatus),
  };
}

/**
 * Sorts localities into priorities: those of one name in one priority are one.
 * @param hostsOf the hosts of an endpoint: one for an address, any number for a name that was resolved.
 */
export function hostSetUpdate(
  cluster: string,
  assignment: LoadAssignment | undefined,
  hostsOf: (endpoint: Endpoint) => HostUpdate[] = (endpoint) => [hostUpdateOf(endpoint)],
): HostSetUpdate {
  const priorities: PriorityUpdate[] = [];
  const priorityAt = (priority: number) => {
    while (priorities.length <= priority) {
      priorities.push({
        overprovisioningFactor: assignment?.overprovisioningFactor ?? 140,
        weightedPriorityHealth: assignment?.weightedPriorityHealth ?? false,
        localities: [],
      });
    }
    return priorities[priority];
  };
  priorityAt(0);
  for (const { locality, priority, weight, endpoints } of assignment?.endpoints ?? []) {
    const { localities } = priorityAt(priority);
    const known = localities.find((other) => sameLocality(other.locality, locality));
    const hosts = endpoints.flatMap(hostsOf);
    if (known === undefined) {
      localities.push({ locality, weight, hosts });
    } else {
      known.hosts.push(...hosts);
      known.weight = weight ?? known.weight;
    }
  }
  return { cluster, priorities, dropOverloads: assignment?.dropOverloads ?? [] };
}

export function sameLocality(one: Locality, other: Locality): boolean {
  return one.region === other.region && one.zone === other.zone && one.subZone === other.subZone;
}
