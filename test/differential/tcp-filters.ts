/** Bootstraps of TCP listeners, and what is said of their connections. */
import { fileAccessLog, type Json, socketAddress, typed } from '#testing/bootstrap.ts';
import { LOG_FILE } from './subject.ts';

/** Everything that is said of a connection and does not vary. */
export const FORMAT = [
  '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %PROTOCOL% %RESPONSE_CODE% flags=%RESPONSE_FLAGS%',
  'details=%RESPONSE_CODE_DETAILS% termination=%CONNECTION_TERMINATION_DETAILS% received=%BYTES_RECEIVED%',
  'sent=%BYTES_SENT% host=%UPSTREAM_HOST% cluster=%UPSTREAM_CLUSTER% failure=%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  'chain=%FILTER_CHAIN_NAME% type=%ACCESS_LOG_TYPE% %REQ(:METHOD)%',
  'wire=%DOWNSTREAM_WIRE_BYTES_RECEIVED%/%DOWNSTREAM_WIRE_BYTES_SENT%/%UPSTREAM_WIRE_BYTES_RECEIVED%/%UPSTREAM_WIRE_BYTES_SENT%',
  'route=%ROUTE_NAME% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT% remote=%UPSTREAM_REMOTE_ADDRESS%',
].join(' ');

/** `filter('tcp_proxy', 'tcp_proxy.v3.TcpProxy', {...})` */
export function filter(name: string, type: string, fields: Json = {}): Json {
  return { name: `envoy.filters.network.${name}`, typed_config: typed(`extensions.filters.network.${type}`, fields) };
}

/** A TCP proxy that logs. */
export function tcpProxy(fields: Json = {}): Json {
  const destination = 'weighted_clusters' in fields ? {} : { cluster: 'c' };
  const access_log = [fileAccessLog(LOG_FILE, `tcp ${FORMAT}`)];
  return filter('tcp_proxy', 'tcp_proxy.v3.TcpProxy', { stat_prefix: 't', ...destination, access_log, ...fields });
}

/** A listener `in` with one chain; it logs too. */
export function tcpListener(filters: Json[], more: Json = {}, name = 'in'): Json {
  return {
    name,
    address: socketAddress(0),
    stat_prefix: name,
    access_log: [fileAccessLog(LOG_FILE, `listener ${FORMAT}`)],
    filter_chains: [{ name: 'chain', filters }],
    ...more,
  };
}
