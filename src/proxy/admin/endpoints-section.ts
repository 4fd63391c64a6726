/**
 * The endpoints' part of /config_dump, made from the hosts that clusters have now: those of clusters that came by CDS are dynamic, others static.
 * Follows admin.v3.EndpointsConfigDump.
 */
import type { Locality } from '#config/model/cluster.ts';
import { addressTree } from '#proxy/admin/address-tree.ts';
import type { ConfigSection } from '#proxy/admin/config-sections.ts';
import type { ClusterStatus, HostStatus } from '#proxy/admin/context.ts';
import { healthOf } from '#proxy/upstream/host-health.ts';

export function endpointsSection(clusters: ClusterStatus[]): ConfigSection {
  const dump = (cluster: ClusterStatus) => ({ endpoint_config: assignmentTree(cluster) });
  const dynamic = clusters.filter(({ addedViaApi }) => addedViaApi).map(dump);
  const fixed = clusters.filter(({ addedViaApi }) => !addedViaApi).map(dump);
  return {
    type: 'envoy.admin.v3.EndpointsConfigDump',
    fields: {
      ...(fixed.length > 0 && { static_endpoint_configs: fixed }),
      ...(dynamic.length > 0 && { dynamic_endpoint_configs: dynamic }),
    },
  };
}

/** By the name that EDS is asked for; each is made when it is asked for. */
export function assignmentsByService(clusters: readonly ClusterStatus[]) {
  const byService = new Map(clusters.map((cluster) => [cluster.edsServiceName || cluster.name, cluster]));
  return {
    keys: () => byService.keys(),
    get: (service: string) => {
      const cluster = byService.get(service);
      return cluster && assignmentTree(cluster);
    },
  };
}

function assignmentTree(cluster: ClusterStatus) {
  const groups = new Map<string, HostStatus[]>();
  for (const host of cluster.hosts) {
    const { region, zone, subZone } = host.locality;
    const key = JSON.stringify([host.priority, region, zone, subZone]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [host]);
    else group.push(host);
  }
  return {
    '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
    cluster_name: cluster.edsServiceName || cluster.name,
    ...(groups.size > 0 && { endpoints: Array.from(groups.values(), localityTree) }),
    policy: { overprovisioning_factor: cluster.overprovisioningFactor },
  };
}

function localityTree(hosts: HostStatus[]) {
  const [{ locality, localityWeight, priority }] = hosts;
  return {
    locality: localityFields(locality),
    lb_endpoints: hosts.map(endpointTree),
    load_balancing_weight: localityWeight ?? 0,
    ...(priority !== 0 && { priority }),
  };
}

function localityFields({ region, zone, subZone }: Locality) {
  return { ...(region && { region }), ...(zone && { zone }), ...(subZone && { sub_zone: subZone }) };
}

function endpointTree(host: HostStatus) {
  return {
    endpoint: {
      address: addressTree(host.address),
      health_check_config: {},
      ...(host.hostname !== '' && { hostname: host.hostname }),
      ...(host.additionalAddresses.length > 0 && {
        additional_addresses: host.additionalAddresses.map((address) => ({ address: addressTree(address) })),
      }),
    },
    health_status: healthOf(host.healthFlags).toUpperCase(),
    ...(Object.keys(host.metadata).length > 0 && { metadata: { filter_metadata: host.metadata } }),
    load_balancing_weight: host.weight,
  };
}
