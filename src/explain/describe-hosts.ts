/**
 * The hosts of a cluster as they are configured: addresses, or for DNS the names to be resolved.
 * Follows envoy.config.endpoint.v3.ClusterLoadAssignment.
 */
import { addressText } from '#config/model/address.ts';
import type { ClusterConfig, Endpoint, LocalityEndpoints } from '#config/model/cluster.ts';
import type { ExplainedHost } from '#explain/explanation.ts';

/** Lower priorities first, in the order configured. */
export function describeHosts(cluster: ClusterConfig | undefined): ExplainedHost[] {
  const localities = [...(cluster?.loadAssignment?.endpoints ?? [])].sort((a, b) => a.priority - b.priority);
  return localities.flatMap((locality) => locality.endpoints.map((endpoint) => describeHost(endpoint, locality)));
}

function describeHost(endpoint: Endpoint, { locality, priority }: LocalityEndpoints): ExplainedHost {
  const { address, hostname, weight, healthStatus } = endpoint;
  return {
    address: addressText(address),
    ...(hostname === '' ? {} : { hostname }),
    ...(weight === 1 ? {} : { weight }),
    ...(priority === 0 ? {} : { priority }),
    ...(healthStatus === 'UNKNOWN' ? {} : { health: healthStatus }),
    ...(locality.zone === '' ? {} : { zone: locality.zone }),
  };
}

/** @returns the name that hosts of the cluster go by, for auto_host_rewrite; undefined where they differ. */
export function commonHostname(cluster: ClusterConfig): string | undefined {
  const dns = cluster.discovery.kind === 'STRICT_DNS' || cluster.discovery.kind === 'LOGICAL_DNS';
  const names = new Set<string>();
  for (const { endpoints } of cluster.loadAssignment?.endpoints ?? []) {
    for (const { hostname, address } of endpoints)
      names.add(hostname === '' && dns && address.kind === 'ip' ? address.address : hostname);
  }
  return names.size === 1 ? [...names][0] : undefined;
}
