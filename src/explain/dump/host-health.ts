/**
 * The health of hosts as a proxy sees it, from `/clusters?format=json`.
 * Follows envoy.admin.v3.HostHealthStatus.
 */
import type { HealthStatus } from '#config/model/cluster.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

/** What makes a host unhealthy, whatever discovery says. */
const FAILED = ['failed_active_health_check', 'failed_outlier_check', 'excluded_via_immediate_hc_fail'];

/** @returns by cluster, the health of each address. */
export function hostHealth(clusters: JsonObject, reader: DumpReader): Map<string, Map<string, HealthStatus>> {
  const found = new Map<string, Map<string, HealthStatus>>();
  for (const status of reader.objects(clusters, 'cluster_statuses')) {
    const hosts = reader.objects(status, 'host_statuses').map((host): [string, HealthStatus] => {
      const health = reader.object(host, 'health_status');
      const eds = (reader.text(health, 'eds_health_status') || 'UNKNOWN') as HealthStatus;
      return [addressOf(host, reader), FAILED.some((flag) => reader.flag(health, flag)) ? 'UNHEALTHY' : eds];
    });
    found.set(reader.text(status, 'name'), new Map(hosts));
  }
  return found;
}

function addressOf(host: JsonObject, reader: DumpReader): string {
  const address = reader.object(host, 'address');
  const socket = reader.object(address, 'socket_address');
  if (socket === undefined) return reader.text(reader.object(address, 'pipe'), 'path');
  const ip = reader.text(socket, 'address');
  return `${ip.includes(':') ? `[${ip}]` : ip}:${reader.number(socket, 'port_value')}`;
}
