/**
 * The endpoints of a config dump (`?include_eds`) as `istioctl proxy-config eds` shows them.
 * Follows envoy.config.endpoint.v3.ClusterLoadAssignment.
 */

import type { EndpointFilter } from '#cli/writers/endpoints.ts';
import { hostAddress } from '#cli/writers/host-address.ts';
import { sortByKey } from '#cli/writers/subset-key.ts';
import { renderTable } from '#cli/writers/table.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

/** Sorted by cluster. @returns assignments with the endpoints that the filter takes; those without any are left out. */
export function filterAssignments(
  assignments: readonly JsonObject[],
  filter: EndpointFilter,
  reader: DumpReader,
): JsonObject[] {
  const taken = assignments.flatMap((assignment) => {
    const cluster = reader.text(assignment, 'cluster_name');
    reader.resource = `endpoints of '${cluster}'`;
    if (filter.cluster !== '' && cluster.toLowerCase() !== filter.cluster.toLowerCase()) return [];
    let count = 0;
    const localities = reader.objects(assignment, 'endpoints').map((locality) => {
      const endpoints = reader.objects(locality, 'lb_endpoints').filter((endpoint) => takes(filter, endpoint, reader));
      count += endpoints.length;
      const { lb_endpoints: _, lbEndpoints: __, ...rest } = locality;
      return endpoints.length === 0 ? rest : { ...rest, lb_endpoints: endpoints };
    });
    return count === 0 ? [] : [{ ...assignment, endpoints: localities }];
  });
  return sortByKey(taken, (assignment) => reader.text(assignment, 'cluster_name'));
}

export function assignmentsTable(
  assignments: readonly JsonObject[],
  reader: DumpReader,
  { named, color }: { named: boolean; color: boolean },
): string {
  const rows = assignments.flatMap((assignment) => {
    const cluster = reader.text(assignment, 'cluster_name');
    reader.resource = `endpoints of '${cluster}'`;
    return reader.objects(assignment, 'endpoints').flatMap((locality) =>
      reader.objects(locality, 'lb_endpoints').map((endpoint) => {
        const address = addressOf(endpoint, reader);
        const place = localityText(reader.object(locality, 'locality'), reader);
        return [named ? `endpoint/${address}` : address, statusOf(endpoint, reader), place, cluster];
      }),
    );
  });
  return renderTable(['NAME', 'STATUS', 'LOCALITY', 'CLUSTER'], rows, { gap: 5, color });
}

function takes(filter: EndpointFilter, endpoint: JsonObject, reader: DumpReader): boolean {
  return (
    (filter.address === '' || addressOf(endpoint, reader).toLowerCase() === filter.address.toLowerCase()) &&
    (filter.port === 0 || hostOf(endpoint, reader).port === filter.port) &&
    (filter.status === '' || statusOf(endpoint, reader).toLowerCase() === filter.status.toLowerCase())
  );
}

function hostOf(endpoint: JsonObject, reader: DumpReader) {
  return hostAddress(reader.object(reader.object(endpoint, 'endpoint'), 'address'), reader);
}

function addressOf(endpoint: JsonObject, reader: DumpReader): string {
  const { host, port, kind } = hostOf(endpoint, reader);
  return kind === 'socket' ? `${host}:${port}` : host;
}

function statusOf(endpoint: JsonObject, reader: DumpReader): string {
  return reader.text(endpoint, 'health_status') || 'UNKNOWN';
}

function localityText(locality: JsonObject | undefined, reader: DumpReader): string {
  const parts = ['region', 'zone', 'sub_zone'].map((name) => reader.text(locality, name));
  const end = parts.indexOf('');
  return (end === -1 ? parts : parts.slice(0, end)).join('/');
}
