/**
 * Addresses of hosts as istioctl shows them. Follows envoy.config.core.v3.Address.
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export interface HostAddress {
  /** An IP address or a name, a path of a unix socket, or `envoy://LISTENER/ENDPOINT`. */
  host: string;
  /** 0 where it has none. */
  port: number;
  kind: 'socket' | 'internal' | 'pipe';
}

export function hostAddress(address: JsonObject | undefined, reader: DumpReader): HostAddress {
  const socket = reader.object(address, 'socket_address');
  if (socket !== undefined)
    return { host: reader.text(socket, 'address'), port: reader.number(socket, 'port_value'), kind: 'socket' };
  const internal = reader.object(address, 'envoy_internal_address');
  if (internal === undefined)
    return { host: reader.text(reader.object(address, 'pipe'), 'path'), port: 0, kind: 'pipe' };
  const host = `envoy://${reader.text(internal, 'server_listener_name')}/${reader.text(internal, 'endpoint_id')}`;
  return { host, port: 0, kind: 'internal' };
}
