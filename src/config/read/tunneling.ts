/**
 * How the TCP proxy tunnels over HTTP. Follows envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig.
 */
import type { Place } from '#api/place.ts';
import type { TunnelingConfig } from '#config/model/tcp-proxy.ts';
import { checkFormatText } from '#config/read/format.ts';
import { readHeadersToAdd } from '#config/read/header-mutation.ts';
import { honours } from '#config/read/support.ts';
import type { TcpProxy_TunnelingConfig } from '#envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';

const NO_REQUEST_IDS = 'tunnels get no request ids yet';

const check = honours(
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig',
  ['hostname', 'use_post', 'headers_to_add', 'propagate_response_headers', 'post_path', 'propagate_response_trailers'],
  {
    refused: {
      request_id_extension: NO_REQUEST_IDS,
      request_id_header: NO_REQUEST_IDS,
      request_id_metadata_key: NO_REQUEST_IDS,
      formatters: 'formatter extensions come later',
    },
  },
);

export function readTunneling(message: TcpProxy_TunnelingConfig, at: Place): TunnelingConfig {
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
  };
}
