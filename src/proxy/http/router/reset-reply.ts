/**
 * What a client is told when an attempt was broken off: status, words, response flag. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
 */
import { Flag } from '#proxy/observe/response-flags.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';

export interface ResetReply {
  status: number;
  flag: number;
  /** For response-code details: no spaces. */
  name: string;
  /** For the body. */
  text: string;
}

const flags: Record<ResetReason, number> = {
  connection_termination: Flag.UpstreamConnectionTermination,
  connection_failure: Flag.UpstreamConnectionFailure,
  remote_connection_failure: Flag.UpstreamConnectionFailure,
  local_connection_failure: Flag.UpstreamConnectionFailure,
  connection_timeout: Flag.UpstreamConnectionFailure,
  overflow: Flag.UpstreamOverflow,
  protocol_error: Flag.UpstreamProtocolError,
  remote_reset: Flag.UpstreamRemoteReset,
  remote_refused_stream_reset: Flag.UpstreamRemoteReset,
  remote_error_with_connect_request: Flag.UpstreamRemoteReset,
  local_reset: Flag.LocalReset,
};

/** @param details the transport's own words, or nothing */
export function resetReply(reason: ResetReason, details: string): ResetReply {
  const words = reason.replace('connect_request', 'CONNECT_request');
  return {
    status: reason === 'protocol_error' ? 502 : 503,
    flag: flags[reason],
    name: details === '' ? words : `${words}|${details.replaceAll(' ', '_')}`,
    text: words.replaceAll('_', ' '),
  };
}
