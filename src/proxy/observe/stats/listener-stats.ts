/**
 * The stats of a listener, all made at once as Envoy does, for the data path to hold and write.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type ListenerStats = ReturnType<typeof listenerStats>;
export type ListenerThreadStats = ReturnType<typeof listenerThreadStats>;
export type ListenerExtensionStats = ReturnType<typeof listenerExtensionStats>;

/** @param scope `listener.<stat_prefix, else address>`; the admin listener's is `listener.admin`. */
export function listenerStats(scope: Scope) {
  return {
    downstreamCxTotal: scope.counter('downstream_cx_total'),
    downstreamCxActive: scope.gauge('downstream_cx_active'),
    downstreamCxDestroy: scope.counter('downstream_cx_destroy'),
    downstreamCxLengthMs: scope.histogram('downstream_cx_length_ms', 'Milliseconds'),
    /** Refused: the listener's own connection limit. */
    downstreamCxOverflow: scope.counter('downstream_cx_overflow'),
    /** Refused: the overload manager's word. */
    downstreamCxOverloadReject: scope.counter('downstream_cx_overload_reject'),
    /** Refused: the limit on connections of all listeners. */
    downstreamGlobalCxOverflow: scope.counter('downstream_global_cx_overflow'),
    /** The TLS handshake took longer than transport_socket_connect_timeout. */
    downstreamCxTransportSocketConnectTimeout: scope.counter('downstream_cx_transport_socket_connect_timeout'),
    /** Sockets in listener filters. */
    downstreamPreCxActive: scope.gauge('downstream_pre_cx_active'),
    downstreamPreCxTimeout: scope.counter('downstream_pre_cx_timeout'),
    downstreamListenerFilterRemoteClose: scope.counter('downstream_listener_filter_remote_close'),
    downstreamListenerFilterError: scope.counter('downstream_listener_filter_error'),
    noFilterChainMatch: scope.counter('no_filter_chain_match'),
    /** The runtime hands over one at a time: record 1 for each. */
    connectionsAcceptedPerSocketEvent: scope.histogram('connections_accepted_per_socket_event', 'Unspecified'),
  };
}

/** Of configured listeners only: connections refused while an extension's configuration is still being fetched. */
export function listenerExtensionStats(scope: Scope) {
  return {
    extensionConfigMissing: scope.counter('extension_config_missing'),
    networkExtensionConfigMissing: scope.counter('network_extension_config_missing'),
  };
}

/** A thread's part of a listener. @param scope `listener.<address>.worker_<n>`, or `listener.admin.main_thread`. */
export function listenerThreadStats(scope: Scope) {
  return {
    downstreamCxTotal: scope.counter('downstream_cx_total'),
    downstreamCxActive: scope.gauge('downstream_cx_active'),
  };
}
