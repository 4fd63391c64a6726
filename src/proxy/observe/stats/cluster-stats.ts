/**
 * The stats of a cluster, all there at once as Envoy's are, for the data path to hold and write. Those of a status code are
 * made when it is first seen: see response-code-stats.ts.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { counter, gauge, histogram, type Row, StatTable } from '#proxy/observe/stats/stat-table.ts';

export type RemainingStats = ReturnType<typeof remainingStats>;
export type RequestResponseSizeStats = ReturnType<typeof requestResponseSizeStats>;
export type TimeoutBudgetStats = ReturnType<typeof timeoutBudgetStats>;
export type EndpointStats = ReturnType<typeof endpointStats>;

const COLUMNS = {
  // Connections. What is destroyed is also counted by who closed it and whether it carried a request.
  upstreamCxTotal: counter('upstream_cx_total'),
  upstreamCxActive: gauge('upstream_cx_active'),
  upstreamCxHttp1Total: counter('upstream_cx_http1_total'),
  upstreamCxHttp2Total: counter('upstream_cx_http2_total'),
  upstreamCxHttp3Total: counter('upstream_cx_http3_total'),
  /** Connections that failed to open for whatever reason, a timeout among them. */
  upstreamCxConnectFail: counter('upstream_cx_connect_fail'),
  upstreamCxConnectTimeout: counter('upstream_cx_connect_timeout'),
  upstreamCxConnectWith0Rtt: counter('upstream_cx_connect_with_0_rtt'),
  upstreamCxIdleTimeout: counter('upstream_cx_idle_timeout'),
  upstreamCxMaxDurationReached: counter('upstream_cx_max_duration_reached'),
  /** TCP: all attempts of a connection failed. */
  upstreamCxConnectAttemptsExceeded: counter('upstream_cx_connect_attempts_exceeded'),
  /** A connection wanted while the circuit breaker for connections was open. */
  upstreamCxOverflow: counter('upstream_cx_overflow'),
  upstreamCxConnectMs: histogram('upstream_cx_connect_ms', 'Milliseconds'),
  upstreamCxLengthMs: histogram('upstream_cx_length_ms', 'Milliseconds'),
  upstreamCxDestroy: counter('upstream_cx_destroy'),
  upstreamCxDestroyLocal: counter('upstream_cx_destroy_local'),
  upstreamCxDestroyRemote: counter('upstream_cx_destroy_remote'),
  upstreamCxDestroyWithActiveRq: counter('upstream_cx_destroy_with_active_rq'),
  upstreamCxDestroyLocalWithActiveRq: counter('upstream_cx_destroy_local_with_active_rq'),
  upstreamCxDestroyRemoteWithActiveRq: counter('upstream_cx_destroy_remote_with_active_rq'),
  /** Closed by HTTP/1.1 `connection: close` or HTTP/2 GOAWAY. */
  upstreamCxCloseNotify: counter('upstream_cx_close_notify'),
  upstreamCxRxBytesTotal: counter('upstream_cx_rx_bytes_total'),
  upstreamCxRxBytesBuffered: gauge('upstream_cx_rx_bytes_buffered'),
  upstreamCxTxBytesTotal: counter('upstream_cx_tx_bytes_total'),
  upstreamCxTxBytesBuffered: gauge('upstream_cx_tx_bytes_buffered'),
  upstreamCxProtocolError: counter('upstream_cx_protocol_error'),
  /** Closed since max_requests_per_connection was reached. */
  upstreamCxMaxRequests: counter('upstream_cx_max_requests'),
  /** No connection since no host was healthy: a request that got 503 with `no_healthy_upstream`. */
  upstreamCxNoneHealthy: counter('upstream_cx_none_healthy'),
  upstreamCxPoolOverflow: counter('upstream_cx_pool_overflow'),
  upstreamCxPreconnectSkipped: counter('upstream_cx_preconnect_skipped'),

  // Requests. Each attempt counts.
  upstreamRqTotal: counter('upstream_rq_total'),
  upstreamRqActive: gauge('upstream_rq_active'),
  /** Requests that had to wait for a connection: the first on a new connection is one. */
  upstreamRqPendingTotal: counter('upstream_rq_pending_total'),
  upstreamRqPendingActive: gauge('upstream_rq_pending_active'),
  /** Refused since the circuit breaker for pending requests, or for requests, was open. */
  upstreamRqPendingOverflow: counter('upstream_rq_pending_overflow'),
  /** Failed since the connection they waited for failed. */
  upstreamRqPendingFailureEject: counter('upstream_rq_pending_failure_eject'),
  upstreamRqActiveOverflow: counter('upstream_rq_active_overflow'),
  /** Every response but 100 Continue; with `upstream_rq_<code>` and `upstream_rq_<class>xx`. */
  upstreamRqCompleted: counter('upstream_rq_completed'),
  /** Given up before a connection was there. */
  upstreamRqCancelled: counter('upstream_rq_cancelled'),
  upstreamRqMaintenanceMode: counter('upstream_rq_maintenance_mode'),
  upstreamRqTimeout: counter('upstream_rq_timeout'),
  upstreamRqMaxDurationReached: counter('upstream_rq_max_duration_reached'),
  upstreamRqPerTryTimeout: counter('upstream_rq_per_try_timeout'),
  upstreamRqPerTryIdleTimeout: counter('upstream_rq_per_try_idle_timeout'),
  upstreamRqRxReset: counter('upstream_rq_rx_reset'),
  upstreamRqRxResetNoError: counter('upstream_rq_rx_reset_no_error'),
  upstreamRqTxReset: counter('upstream_rq_tx_reset'),
  upstreamRq0rtt: counter('upstream_rq_0rtt'),
  /** How many requests a connection carried, recorded when it closes. */
  upstreamRqPerCx: histogram('upstream_rq_per_cx', 'Unspecified'),

  // Retries.
  upstreamRqRetry: counter('upstream_rq_retry'),
  upstreamRqRetryBackoffExponential: counter('upstream_rq_retry_backoff_exponential'),
  upstreamRqRetryBackoffRatelimited: counter('upstream_rq_retry_backoff_ratelimited'),
  /** Not retried since num_retries was used up. */
  upstreamRqRetryLimitExceeded: counter('upstream_rq_retry_limit_exceeded'),
  /** Not retried since the circuit breaker for retries, or the retry budget, was open. */
  upstreamRqRetryOverflow: counter('upstream_rq_retry_overflow'),
  /** Retried, and then answered with something that asks for no retry. */
  upstreamRqRetrySuccess: counter('upstream_rq_retry_success'),
  /** Too large to buffer, so neither retried nor shadowed. */
  retryOrShadowAbandoned: counter('retry_or_shadow_abandoned'),

  upstreamFlowControlPausedReadingTotal: counter('upstream_flow_control_paused_reading_total'),
  upstreamFlowControlResumedReadingTotal: counter('upstream_flow_control_resumed_reading_total'),
  upstreamFlowControlBackedUpTotal: counter('upstream_flow_control_backed_up_total'),
  upstreamFlowControlDrainedTotal: counter('upstream_flow_control_drained_total'),
  upstreamInternalRedirectFailedTotal: counter('upstream_internal_redirect_failed_total'),
  upstreamInternalRedirectSucceededTotal: counter('upstream_internal_redirect_succeeded_total'),
  upstreamHttp3Broken: counter('upstream_http3_broken'),
  upstreamQueueOverloaded: gauge('upstream_queue_overloaded'),
  bindErrors: counter('bind_errors'),
  originalDstHostInvalid: counter('original_dst_host_invalid'),
  /** Hosts whose transport socket is the cluster's own; `<match>.total_match_count` for one of transport_socket_matches. */
  defaultTotalMatchCount: counter('default.total_match_count'),

  // Hosts. Written by the main thread alone: gauges of several threads add up.
  membershipChange: counter('membership_change'),
  membershipHealthy: gauge('membership_healthy'),
  membershipDegraded: gauge('membership_degraded'),
  membershipExcluded: gauge('membership_excluded'),
  membershipTotal: gauge('membership_total'),
  maxHostWeight: gauge('max_host_weight'),
  version: gauge('version'),
  warmingState: gauge('warming_state'),
  updateAttempt: counter('update_attempt'),
  updateSuccess: counter('update_success'),
  updateFailure: counter('update_failure'),
  updateEmpty: counter('update_empty'),
  updateNoRebuild: counter('update_no_rebuild'),
  assignmentTimeoutReceived: counter('assignment_timeout_received'),
  assignmentStale: counter('assignment_stale'),
  assignmentUseCached: counter('assignment_use_cached'),

  // Load balancing.
  lbHealthyPanic: counter('lb_healthy_panic'),
  lbLocalClusterNotOk: counter('lb_local_cluster_not_ok'),
  lbRecalculateZoneStructures: counter('lb_recalculate_zone_structures'),
  lbSubsetsActive: gauge('lb_subsets_active'),
  lbSubsetsCreated: counter('lb_subsets_created'),
  lbSubsetsFallback: counter('lb_subsets_fallback'),
  lbSubsetsFallbackPanic: counter('lb_subsets_fallback_panic'),
  lbSubsetsRemoved: counter('lb_subsets_removed'),
  lbSubsetsSelected: counter('lb_subsets_selected'),
  lbZoneClusterTooSmall: counter('lb_zone_cluster_too_small'),
  lbZoneNoCapacityLeft: counter('lb_zone_no_capacity_left'),
  lbZoneRoutingAllDirectly: counter('lb_zone_routing_all_directly'),
  lbZoneRoutingCrossZone: counter('lb_zone_routing_cross_zone'),
  lbZoneRoutingSampled: counter('lb_zone_routing_sampled'),

  // Gauges that are 1 while a circuit breaker is open, written by the main thread alone.
  defaultCxOpen: gauge('circuit_breakers.default.cx_open'),
  defaultCxPoolOpen: gauge('circuit_breakers.default.cx_pool_open'),
  defaultRqPendingOpen: gauge('circuit_breakers.default.rq_pending_open'),
  defaultRqOpen: gauge('circuit_breakers.default.rq_open'),
  defaultRqRetryOpen: gauge('circuit_breakers.default.rq_retry_open'),
  highCxOpen: gauge('circuit_breakers.high.cx_open'),
  highCxPoolOpen: gauge('circuit_breakers.high.cx_pool_open'),
  highRqPendingOpen: gauge('circuit_breakers.high.rq_pending_open'),
  highRqOpen: gauge('circuit_breakers.high.rq_open'),
  highRqRetryOpen: gauge('circuit_breakers.high.rq_retry_open'),
};

const CLUSTER = new StatTable('cluster', COLUMNS);

export type ClusterStats = Row<typeof COLUMNS>;

/** @param scope `cluster.<alt_stat_name or name>`. */
export function clusterStats(scope: Scope): ClusterStats {
  return scope.row(CLUSTER);
}

/** What is left below each limit, for thresholds with `track_remaining`. @param scope `cluster.<name>.circuit_breakers.<priority>`. */
export function remainingStats(scope: Scope) {
  return {
    remainingCx: scope.gauge('remaining_cx'),
    remainingCxPools: scope.gauge('remaining_cx_pools'),
    remainingPending: scope.gauge('remaining_pending'),
    remainingRetries: scope.gauge('remaining_retries'),
    remainingRq: scope.gauge('remaining_rq'),
  };
}

/** For clusters with `track_cluster_stats.request_response_sizes`. */
export function requestResponseSizeStats(scope: Scope) {
  return {
    upstreamRqHeadersSize: scope.histogram('upstream_rq_headers_size', 'Bytes'),
    upstreamRqHeadersCount: scope.histogram('upstream_rq_headers_count', 'Unspecified'),
    upstreamRqBodySize: scope.histogram('upstream_rq_body_size', 'Bytes'),
    upstreamRsHeadersSize: scope.histogram('upstream_rs_headers_size', 'Bytes'),
    upstreamRsHeadersCount: scope.histogram('upstream_rs_headers_count', 'Unspecified'),
    upstreamRsBodySize: scope.histogram('upstream_rs_body_size', 'Bytes'),
  };
}

/** For clusters with `track_cluster_stats.timeout_budgets`: the part of the timeout that was used, in whole percents. */
export function timeoutBudgetStats(scope: Scope) {
  return {
    upstreamRqTimeoutBudgetPercentUsed: scope.histogram('upstream_rq_timeout_budget_percent_used', 'Unspecified'),
    upstreamRqTimeoutBudgetPerTryPercentUsed: scope.histogram(
      'upstream_rq_timeout_budget_per_try_percent_used',
      'Unspecified',
    ),
  };
}

/** For clusters with `track_cluster_stats.per_endpoint_stats`. @param scope `cluster.<name>.endpoint.<address>`. */
export function endpointStats(scope: Scope) {
  return {
    cxConnectFail: scope.counter('cx_connect_fail'),
    cxTotal: scope.counter('cx_total'),
    cxActive: scope.gauge('cx_active'),
    rqError: scope.counter('rq_error'),
    rqSuccess: scope.counter('rq_success'),
    rqTimeout: scope.counter('rq_timeout'),
    rqTotal: scope.counter('rq_total'),
    rqActive: scope.gauge('rq_active'),
    rqPendingActive: scope.gauge('rq_pending_active'),
    /** Written by the main thread alone. */
    healthy: scope.gauge('healthy'),
  };
}
