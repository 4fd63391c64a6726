/**
 * How the TCP proxy tunnels over HTTP. Follows envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig.
 */
import type { Place } from '#api/place.ts';
import type { TunnelingConfig } from '#config/model/tcp-proxy.ts';
import type { ReadContext } from '#config/read/context.ts';
import { checkFormatText } from '#config/read/format.ts';
import { readHeadersToAdd } from '#config/read/header-mutation.ts';
import { readRequestIdExtension } from '#config/read/request-id-extension.ts';
import { honours } from '#config/read/support.ts';
import type { TcpProxy_TunnelingConfig } from '#envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';

const check = honours(
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig',
  [
    'hostname',
    'use_post',
    'headers_to_add',
    'propagate_response_headers',
    'post_path',
    'propagate_response_trailers',
    'request_id_extension',
    'request_id_header',
    'request_id_metadata_key',
  ],
  { refused: { formatters: 'formatter extensions come later' } },
);

export function readTunneling(message: TcpProxy_TunnelingConfig, at: Place, context: ReadContext): TunnelingConfig {
  check(message, at);
  const { hostname, usePost, postPath } = message;
  checkFormatText(hostname, at.field('hostname'));
  if (!usePost && postPath !== '') {
    throw at.field('post_path').problem("Can't set a post path when POST method isn't used");
  }
  return {
    hostname,
    usePost,
    postPath: postPath === '' ? '/' : postPath,
    headersToAdd: readHeadersToAdd(message.headersToAdd, at.field('headers_to_add')),
    propagateResponseHeaders: message.propagateResponseHeaders,
    propagateResponseTrailers: message.propagateResponseTrailers,
    ...readRequestId(message, at, context),
  };
}

/** Header and key alone ask for nothing, as in Envoy. */
function readRequestId(
  { requestIdExtension, requestIdHeader, requestIdMetadataKey }: TcpProxy_TunnelingConfig,
  at: Place,
  context: ReadContext,
): Pick<TunnelingConfig, 'requestId'> {
  if (requestIdExtension === undefined) return {};
  readRequestIdExtension(requestIdExtension, at.field('request_id_extension'), context);
  const header = requestIdHeader === '' ? 'x-request-id' : requestIdHeader.toLowerCase();
  return { requestId: { header, metadataKey: requestIdMetadataKey || 'tunnel_request_id' } };
}
