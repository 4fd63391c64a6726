/**
 * What the connection manager does to a request's headers before routing: hop-by-hop fields go, the client's address, request id and
 * certificate are noted, and Envoy's own headers are believed only from inside.
 * Follows Envoy's ConnectionManagerUtility::mutateRequestHeaders and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/header_sanitizing
 */

import { applyClientCertificate } from '#proxy/http/client-certificate.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { addressOf, applyForwarded } from '#proxy/http/forwarded.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Headers } from '#wire/headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';
import { Known } from '#wire/known-headers.ts';

/** Believed from internal requests alone. */
const internalOnly: readonly number[] = [
  Known['x-envoy-retry-on'],
  Known['x-envoy-retry-grpc-on'],
  Known['x-envoy-max-retries'],
  Known['x-envoy-upstream-alt-stat-name'],
  Known['x-envoy-upstream-rq-timeout-ms'],
  Known['x-envoy-upstream-rq-per-try-timeout-ms'],
  Known['x-envoy-expected-rq-timeout-ms'],
  Known['x-envoy-force-trace'],
  Known['x-envoy-ip-tags'],
  Known['x-envoy-original-path'],
  Known['x-envoy-hedge-on-per-try-timeout'],
  Known['x-envoy-retriable-status-codes'],
  Known['x-envoy-retriable-header-names'],
  Known['x-envoy-is-timeout-retry'],
];

/** Removed from what comes from outside, where this proxy stands at the edge. */
const edgeOnly: readonly number[] = [
  Known['x-envoy-decorator-operation'],
  Known['x-envoy-downstream-service-cluster'],
  Known['x-envoy-downstream-service-node'],
];

const hopByHop: readonly number[] = [Known['keep-alive'], Known['proxy-connection'], Known['transfer-encoding']];

export function prepareRequestHeaders(
  stream: HttpStream,
  manager: ConnectionManager,
  options: ConnectionOptions,
): void {
  const headers = stream.requestHeaders;
  const { config } = manager;
  headers.removeKnown(Known['x-envoy-internal']);
  for (const id of hopByHop) if (headers.hasKnown(id)) headers.removeKnown(id);
  if (!options.upgrade) {
    headers.removeKnown(Known.connection);
    headers.removeKnown(Known.upgrade);
  }
  if (headers.hasKnown(Known.te)) sanitizeTe(headers);
  stream.internal = applyForwarded(stream, manager);
  const edge = !stream.internal && config.useRemoteAddress;
  const overwrite = config.schemeHeaderTransformation?.schemeToOverwrite ?? '';
  stream.scheme =
    overwrite !== '' ? overwrite : headers.getKnown(Known['x-forwarded-proto']) === 'https' ? 'https' : 'http';
  if (stream.internal) headers.addKnown(Known['x-envoy-internal'], 'true');
  else {
    if (edge) for (const id of edgeOnly) headers.removeKnown(id);
    for (const id of internalOnly) if (headers.hasKnown(id)) headers.removeKnown(id);
    for (const name of manager.internalOnlyHeaders) headers.remove(name);
    if (edge) {
      headers.setKnown(Known['x-envoy-external-address'], addressOf(stream.remoteAddress));
    }
  }
  if (config.addUserAgent) addUserAgent(stream, manager);
  if (config.via !== '') appendVia(headers, config.via);
  if (config.generateRequestId) {
    const known = headers.hasKnown(Known['x-request-id']);
    if (!known || (edge && !config.preserveExternalRequestId))
      headers.setKnown(Known['x-request-id'], manager.worker.random.uuid());
  }
  applyClientCertificate(stream, config);
}

/** Only `trailers` may be asked of the next hop (RFC 9110, section 10.1.4). */
function sanitizeTe(headers: Headers): void {
  const wantsTrailers = headers
    .joined('te')
    ?.split(',')
    .some((part) => part.trim().split(';')[0].toLowerCase() === 'trailers');
  if (wantsTrailers) headers.setKnown(Known.te, 'trailers');
  else headers.removeKnown(Known.te);
}

function addUserAgent(stream: HttpStream, manager: ConnectionManager): void {
  const headers = stream.requestHeaders;
  const { node } = manager.worker;
  headers.setKnown(Known['x-envoy-downstream-service-cluster'], node.cluster);
  if (node.id !== '') headers.setKnown(Known['x-envoy-downstream-service-node'], node.id);
  if (!headers.hasKnown(Known['user-agent'])) headers.addKnown(Known['user-agent'], node.cluster);
}

/** RFC 9110, section 7.6.3. */
export function appendVia(headers: Headers, via: string): void {
  const before = headers.joined('via');
  headers.setKnown(Known.via, before === undefined || before === '' ? via : `${before}, ${via}`);
}
