/**
 * The stats of a TCP proxy, all made at once as Envoy does, for the data path to hold and write.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter#statistics
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type TcpStats = ReturnType<typeof tcpStats>;

/** @param scope `tcp.<stat_prefix>`. */
export function tcpStats(scope: Scope) {
  return {
    downstreamCxTotal: scope.counter('downstream_cx_total'),
    downstreamCxNoRoute: scope.counter('downstream_cx_no_route'),
    downstreamCxDrainClose: scope.counter('downstream_cx_drain_close'),
    downstreamCxOverloadClose: scope.counter('downstream_cx_overload_close'),
    downstreamCxRxBytesTotal: scope.counter('downstream_cx_rx_bytes_total'),
    downstreamCxRxBytesBuffered: scope.gauge('downstream_cx_rx_bytes_buffered'),
    downstreamCxTxBytesTotal: scope.counter('downstream_cx_tx_bytes_total'),
    downstreamCxTxBytesBuffered: scope.gauge('downstream_cx_tx_bytes_buffered'),
    downstreamFlowControlPausedReadingTotal: scope.counter('downstream_flow_control_paused_reading_total'),
    downstreamFlowControlResumedReadingTotal: scope.counter('downstream_flow_control_resumed_reading_total'),
    /** Connections whose client sent something before the upstream was there. */
    earlyDataReceivedCountTotal: scope.counter('early_data_received_count_total'),
    idleTimeout: scope.counter('idle_timeout'),
    maxDownstreamConnectionDuration: scope.counter('max_downstream_connection_duration'),
    /** Connections whose cluster took time to find. */
    routeDelayedTotal: scope.counter('route_delayed_total'),
    /** The client is gone; what it sent is still on its way to the upstream. */
    upstreamFlushTotal: scope.counter('upstream_flush_total'),
    upstreamFlushActive: scope.gauge('upstream_flush_active'),
  };
}
