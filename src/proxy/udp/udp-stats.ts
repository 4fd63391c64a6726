/**
 * The stats of the UDP proxy: of its listener's side, and of each cluster that it sends to.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/udp_filters/udp_proxy
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type UdpProxyStats = ReturnType<typeof udpProxyStats>;
export type UdpClusterStats = ReturnType<typeof udpClusterStats>;

/** @param scope `udp.<stat_prefix>` */
export function udpProxyStats(scope: Scope) {
  return {
    sessNoRoute: scope.counter('downstream_sess_no_route'),
    sessRxBytes: scope.counter('downstream_sess_rx_bytes'),
    sessRxDatagrams: scope.counter('downstream_sess_rx_datagrams'),
    sessRxErrors: scope.counter('downstream_sess_rx_errors'),
    sessTotal: scope.counter('downstream_sess_total'),
    sessTxBytes: scope.counter('downstream_sess_tx_bytes'),
    sessTxDatagrams: scope.counter('downstream_sess_tx_datagrams'),
    sessTxErrors: scope.counter('downstream_sess_tx_errors'),
    sessActive: scope.gauge('downstream_sess_active'),
    idleTimeout: scope.counter('idle_timeout'),
    sessionFilterConfigMissing: scope.counter('session_filter_config_missing'),
  };
}

/** @param scope `cluster.<name>.udp` */
export function udpClusterStats(scope: Scope) {
  return {
    sessRxDatagrams: scope.counter('sess_rx_datagrams'),
    /** Longer than upstream_socket_config takes. */
    sessRxDatagramsDropped: scope.counter('sess_rx_datagrams_dropped'),
    sessRxErrors: scope.counter('sess_rx_errors'),
    sessTxDatagrams: scope.counter('sess_tx_datagrams'),
    sessTxErrors: scope.counter('sess_tx_errors'),
    // Those of UDP over HTTP, which is refused.
    sessTunnelBufferOverflow: scope.counter('sess_tunnel_buffer_overflow'),
    sessTunnelFailure: scope.counter('sess_tunnel_failure'),
    sessTunnelSuccess: scope.counter('sess_tunnel_success'),
  };
}
