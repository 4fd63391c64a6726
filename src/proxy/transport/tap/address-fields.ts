/**
 * An address's text as the fields of envoy.config.core.v3.Address.
 */
import type { Fields } from '#proxy/transport/tap/trace-file.ts';

const INTERNAL = /^envoy:\/\/(.*)\/([^/]*)$/;
const INTERNET = /^(.*):(\d+)$/;

/** @param text such as `127.0.0.1:80`, `[::1]:80`, `/run/x.sock`, `envoy://name/id` */
export function addressFields(text: string): Fields {
  const internal = INTERNAL.exec(text);
  if (internal !== null) {
    return { envoy_internal_address: { server_listener_name: internal[1], endpoint_id: internal[2] } };
  }
  const internet = INTERNET.exec(text);
  if (internet === null) return { pipe: { path: text } };
  return { socket_address: { address: internet[1].replace(/^\[(.*)\]$/, '$1'), port_value: Number(internet[2]) } };
}
