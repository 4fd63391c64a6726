/**
 * The endpoints of a config dump (`?include_eds`) as `istioctl proxy-config eds` shows them.
 * Follows envoy.config.endpoint.v3.ClusterLoadAssignment.
 */

import type { EndpointFilter } from '#cli/writers/endpoints.ts';
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
    (filter.port === 0 || portOf(endpoint, reader) === filter.port) &&
    (filter.status === '' || statusOf(endpoint, reader).toLowerCase() === filter.status.toLowerCase())
  );
}

function socketOf(endpoint: JsonObject, reader: DumpReader) {
  const address = reader.object(reader.object(endpoint, 'endpoint'), 'address');
  return { address, socket: reader.object(address, 'socket_address') };
}

function portOf(endpoint: JsonObject, reader: DumpReader): number {
  return reader.number(socketOf(endpoint, reader).socket, 'port_value');
}

function addressOf(endpoint: JsonObject, reader: DumpReader): string {
  const { address, socket } = socketOf(endpoint, reader);
  if (socket !== undefined) return `${reader.text(socket, 'address')}:${reader.number(socket, 'port_value')}`;
  const internal = reader.object(address, 'envoy_internal_address');
  if (internal !== undefined)
    return `envoy://${reader.text(internal, 'server_listener_name')}/${reader.text(internal, 'endpoint_id')}`;
  return reader.text(reader.object(address, 'pipe'), 'path');
}

function statusOf(endpoint: JsonObject, reader: DumpReader): string {
  return reader.text(endpoint, 'health_status') || 'UNKNOWN';
}

function localityText(locality: JsonObject | undefined, reader: DumpReader): string {
  const parts = ['region', 'zone', 'sub_zone'].map((name) => reader.text(locality, name));
  const end = parts.indexOf('');
  return (end === -1 ? parts : parts.slice(0, end)).join('/');
}
