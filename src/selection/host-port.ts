/**
 * The host of a request without its port or final dot, as the listener asks.
 * Follows strip_matching_host_port, strip_any_host_port and strip_trailing_host_dot.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';

const PORT = /:(\d+)$/;

/**
 * @param host with its port, as the request names it
 * @param destinationPort the port that the connection came to
 * @returns the host to route by
 */
export function stripHostPort(host: string, destinationPort: number, config: HttpConnectionManager): string {
  const name = config.stripTrailingHostDot ? host.replace(/\.(?=$|:\d+$)/, '') : host;
  if (config.stripHostPort === 'none') return name;
  const port = PORT.exec(name);
  if (port === null) return name;
  if (config.stripHostPort === 'matching' && Number(port[1]) !== destinationPort) return name;
  return name.slice(0, port.index);
}
