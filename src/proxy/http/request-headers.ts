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
import {
  asksForTrailers,
  EDGE_ONLY_HEADERS,
  HOP_BY_HOP_HEADERS,
  INTERNAL_ONLY_HEADERS,
} from '#selection/trusted-headers.ts';
import type { Headers } from '#wire/headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';
import { Known } from '#wire/known-headers.ts';

const internalOnly = INTERNAL_ONLY_HEADERS.map((name) => Known[name]);
const edgeOnly = EDGE_ONLY_HEADERS.map((name) => Known[name]);
const hopByHop = HOP_BY_HOP_HEADERS.map((name) => Known[name]);
const UUID_LENGTH = 36;
/** Where a UUID tells its version, and Envoy's also why it is traced. */
const TRACE_DIGIT = 14;

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
  if (overwrite !== '') headers.setKnown(Known['x-forwarded-proto'], overwrite);
  stream.scheme = isHttps(headers.getKnown(Known['x-forwarded-proto'])) ? 'https' : 'http';
  if (stream.internal) headers.addKnown(Known['x-envoy-internal'], 'true');
  else {
    if (edge) for (const id of edgeOnly) headers.removeKnown(id);
    for (const id of internalOnly) if (headers.hasKnown(id)) headers.removeKnown(id);
    for (const name of manager.internalOnlyHeaders(stream)) headers.remove(name);
    if (edge) {
      headers.setKnown(Known['x-envoy-external-address'], addressOf(stream.remoteAddress));
    }
  }
  if (config.addUserAgent) addUserAgent(stream, manager);
  if (config.via !== '') appendVia(headers, config.via);
  if (config.generateRequestId) setRequestId(headers, edge, manager);
  applyClientCertificate(stream, manager.clientCertFor(stream));
}

function isHttps(scheme: string | undefined): boolean {
  return scheme === 'https' || scheme?.toLowerCase() === 'https';
}

/** Follows extensions.request_id.uuid.v3.UuidRequestIdConfig. */
function setRequestId(headers: Headers, edge: boolean, { config, worker }: ConnectionManager): void {
  const id = Known['x-request-id'];
  const given = headers.getKnown(id) ?? '';
  if (given === '' || (edge && !config.preserveExternalRequestId)) headers.setKnown(id, worker.random.uuid());
  else if (edge && (config.requestIdExtension?.packTraceReason ?? true) && given.length === UUID_LENGTH) {
    // A client may not say whether it is traced: the digit that tells is put back to "no".
    headers.setKnown(id, `${given.slice(0, TRACE_DIGIT)}4${given.slice(TRACE_DIGIT + 1)}`);
  }
}

function sanitizeTe(headers: Headers): void {
  if (asksForTrailers(headers.joined('te') ?? '')) headers.setKnown(Known.te, 'trailers');
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
