/**
 * When the access log of HTTP is written besides at the end of a request.
 * Follows envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions and the two older fields.
 */
import type { Place } from '#api/place.ts';
import type { AccessLogOptions } from '#config/model/access-log.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import type { HttpConnectionManager } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const check = honours(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions',
  ['access_log_flush_interval', 'flush_access_log_on_new_request'],
  { refused: { flush_log_on_tunnel_successfully_established: 'tunnels of CONNECT come later' } },
);

/** @param at the connection manager. */
export function readAccessLogOptions(message: HttpConnectionManager, at: Place): AccessLogOptions {
  const { accessLogOptions: options, accessLogFlushInterval, flushAccessLogOnNewRequest } = message;
  if (options !== undefined) {
    check(options, at.field('access_log_options'));
    if (flushAccessLogOnNewRequest) throw bothGiven('flush_access_log_on_new_request', at);
    if (accessLogFlushInterval !== undefined) throw bothGiven('access_log_flush_interval', at);
  }
  return {
    flushInterval: millisecondsOr(options?.accessLogFlushInterval ?? accessLogFlushInterval, 0),
    flushOnNewRequest: options?.flushAccessLogOnNewRequest ?? flushAccessLogOnNewRequest,
    flushLogOnTunnelSuccessfullyEstablished: false,
  };
}

function bothGiven(older: string, at: Place) {
  return at.field(older).problem(`Only one of ${older} or access_log_options can be specified.`);
}
