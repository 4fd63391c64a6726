/**
 * The host of a request without its port or final dot, as the listener asks.
 * Follows strip_matching_host_port, strip_any_host_port and strip_trailing_host_dot.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';

const PORT = /:(\d+)$/;

/** @returns the host to route by */
export function stripHostPort(stream: HttpStream, config: HttpConnectionManager): string {
  let { host } = stream;
  if (config.stripTrailingHostDot) host = host.replace(/\.(?=$|:\d+$)/, '');
  if (config.stripHostPort === 'none') return host;
  const port = PORT.exec(host);
  if (port === null) return host;
  if (config.stripHostPort === 'matching' && Number(port[1]) !== stream.connection.destinationPort) return host;
  return host.slice(0, port.index);
}
