/**
 * The endpoints of `/clusters?format=json`, with the health that the proxy sees, as istioctl shows them.
 * Follows envoy.admin.v3.Clusters.
 */

import { compareText } from '#cli/writers/compare-text.ts';
import { hostAddress } from '#cli/writers/host-address.ts';
import { renderTable } from '#cli/writers/table.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export interface EndpointFilter {
  address: string;
  port: number;
  cluster: string;
  /** healthy, unhealthy, ...; in any case of letters. */
  status: string;
}

interface Host {
  address: string;
  port: number;
  cluster: string;
  status: string;
  outlier: string;
}

/** The statuses of clusters that have a host which the filter takes: whole, as istioctl prints them. */
export function filterStatuses(
  statuses: readonly JsonObject[],
  filter: EndpointFilter,
  reader: DumpReader,
): JsonObject[] {
  return statuses.filter((status) => hostsOf(status, reader).some((host) => takes(filter, host)));
}

export function endpointsTable(
  statuses: readonly JsonObject[],
  filter: EndpointFilter,
  reader: DumpReader,
  color: boolean,
): string {
  const hosts = statuses.flatMap((status) => hostsOf(status, reader)).filter((host) => takes(filter, host));
  hosts.sort((a, b) => compareText(a.address, b.address) || a.port - b.port || compareText(a.cluster, b.cluster));
  const rows = hosts.map(({ address, port, cluster, status, outlier }) => [
    port === 0 ? address : `${address}:${port}`,
    status,
    outlier,
    cluster,
  ]);
  return renderTable(['ENDPOINT', 'STATUS', 'OUTLIER CHECK', 'CLUSTER'], rows, { gap: 5, color });
}

function hostsOf(status: JsonObject, reader: DumpReader): Host[] {
  const cluster = reader.text(status, 'name');
  reader.resource = `cluster '${cluster}'`;
  return reader.objects(status, 'host_statuses').map((host) => {
    const { host: name, port, kind } = hostAddress(reader.object(host, 'address'), reader);
    const health = reader.object(host, 'health_status');
    return {
      address: kind === 'pipe' ? `unix://${name}` : name,
      port,
      cluster,
      status: reader.text(health, 'eds_health_status') || 'UNKNOWN',
      outlier: reader.flag(health, 'failed_outlier_check') ? 'FAILED' : 'OK',
    };
  });
}

function takes(filter: EndpointFilter, host: Host): boolean {
  return (
    (filter.address === '' || host.address.toLowerCase() === filter.address.toLowerCase()) &&
    (filter.port === 0 || host.port === filter.port) &&
    (filter.cluster === '' || host.cluster.toLowerCase() === filter.cluster.toLowerCase()) &&
    (filter.status === '' || host.status.toLowerCase() === filter.status.toLowerCase())
  );
}
