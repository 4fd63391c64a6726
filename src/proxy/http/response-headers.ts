/**
 * What the connection manager does to a response's headers: hop-by-hop fields go; server, date and via are set.
 * Follows Envoy's ConnectionManagerUtility::mutateResponseHeaders.
 */

import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { httpDate } from '#proxy/http/http-date.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { appendVia } from '#proxy/http/request-headers.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const SERVER = Known.server;

export function prepareResponseHeaders(stream: HttpStream, manager: ConnectionManager): void {
  const headers = stream.responseHeaders;
  const { config } = manager;
  if (!stream.upgrading || stream.responseCode !== 101) {
    if (headers.hasKnown(Known.connection)) headers.removeKnown(Known.connection);
    if (headers.hasKnown(Known.upgrade)) headers.removeKnown(Known.upgrade);
  }
  if (headers.hasKnown(Known['transfer-encoding'])) headers.removeKnown(Known['transfer-encoding']);
  if (headers.hasKnown(Known['keep-alive'])) headers.removeKnown(Known['keep-alive']);
  if (headers.hasKnown(Known['proxy-connection'])) headers.removeKnown(Known['proxy-connection']);
  if (!headers.hasKnown(Known.date)) headers.addKnown(Known.date, httpDate());
  if (config.serverHeaderTransformation === 'OVERWRITE') headers.setKnown(SERVER, config.serverName);
  else if (config.serverHeaderTransformation === 'APPEND_IF_ABSENT' && !headers.hasKnown(SERVER))
    headers.addKnown(SERVER, config.serverName);
  if (config.alwaysSetRequestIdInResponse || stream.requestHeaders.hasKnown(Known['x-envoy-force-trace'])) {
    const id = stream.requestHeaders.getKnown(Known['x-request-id']);
    if (id !== undefined) headers.setKnown(Known['x-request-id'], id);
  }
  if (config.via !== '') appendVia(headers, config.via);
}

/** The same for an informational response, of which Envoy takes less away. */
export function prepareInterimHeaders(headers: Headers): void {
  headers.removeKnown(Known.connection);
  headers.removeKnown(Known.upgrade);
}
