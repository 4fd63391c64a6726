/**
 * The stats of a cluster, all made at once as Envoy does, for the data path to hold and write. Those of a status code are
 * made when it is first seen: see response-code-stats.ts.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type ClusterStats = ReturnType<typeof clusterStats>;
export type CircuitBreakerStats = ReturnType<typeof circuitBreakerStats>;
export type RemainingStats = ReturnType<typeof remainingStats>;
export type RequestResponseSizeStats = ReturnType<typeof requestResponseSizeStats>;
export type TimeoutBudgetStats = ReturnType<typeof timeoutBudgetStats>;
export type EndpointStats = ReturnType<typeof endpointStats>;

/** @param scope `cluster.<alt_stat_name or name>`. */
export function clusterStats(scope: Scope) {
  return {
    // Connections. What is destroyed is also counted by who closed it and whether it carried a request.
    upstreamCxTotal: scope.counter('upstream_cx_total'),
    upstreamCxActive: scope.gauge('upstream_cx_active'),
    upstreamCxHttp1Total: scope.counter('upstream_cx_http1_total'),
    upstreamCxHttp2Total: scope.counter('upstream_cx_http2_total'),
    upstreamCxHttp3Total: scope.counter('upstream_cx_http3_total'),
    /** Connections that failed to open for whatever reason, a timeout among them. */
    upstreamCxConnectFail: scope.counter('upstream_cx_connect_fail'),
    upstreamCxConnectTimeout: scope.counter('upstream_cx_connect_timeout'),
    upstreamCxConnectWith0Rtt: scope.counter('upstream_cx_connect_with_0_rtt'),
    upstreamCxIdleTimeout: scope.counter('upstream_cx_idle_timeout'),
    upstreamCxMaxDurationReached: scope.counter('upstream_cx_max_duration_reached'),
    /** TCP: all attempts of a connection failed. */
    upstreamCxConnectAttemptsExceeded: scope.counter('upstream_cx_connect_attempts_exceeded'),
    /** A connection wanted while the circuit breaker for connections was open. */
    upstreamCxOverflow: scope.counter('upstream_cx_overflow'),
    upstreamCxConnectMs: scope.histogram('upstream_cx_connect_ms', 'Milliseconds'),
    upstreamCxLengthMs: scope.histogram('upstream_cx_length_ms', 'Milliseconds'),
    upstreamCxDestroy: scope.counter('upstream_cx_destroy'),
    upstreamCxDestroyLocal: scope.counter('upstream_cx_destroy_local'),
    upstreamCxDestroyRemote: scope.counter('upstream_cx_destroy_remote'),
    upstreamCxDestroyWithActiveRq: scope.counter('upstream_cx_destroy_with_active_rq'),
    upstreamCxDestroyLocalWithActiveRq: scope.counter('upstream_cx_destroy_local_with_active_rq'),
    upstreamCxDestroyRemoteWithActiveRq: scope.counter('upstream_cx_destroy_remote_with_active_rq'),
    /** Closed by HTTP/1.1 `connection: close` or HTTP/2 GOAWAY. */
    upstreamCxCloseNotify: scope.counter('upstream_cx_close_notify'),
    upstreamCxRxBytesTotal: scope.counter('upstream_cx_rx_bytes_total'),
    upstreamCxRxBytesBuffered: scope.gauge('upstream_cx_rx_bytes_buffered'),
    upstreamCxTxBytesTotal: scope.counter('upstream_cx_tx_bytes_total'),
    upstreamCxTxBytesBuffered: scope.gauge('upstream_cx_tx_bytes_buffered'),
    upstreamCxProtocolError: scope.counter('upstream_cx_protocol_error'),
    /** Closed since max_requests_per_connection was reached. */
    upstreamCxMaxRequests: scope.counter('upstream_cx_max_requests'),
    /** No connection since no host was healthy: a request that got 503 with `no_healthy_upstream`. */
    upstreamCxNoneHealthy: scope.counter('upstream_cx_none_healthy'),
    upstreamCxPoolOverflow: scope.counter('upstream_cx_pool_overflow'),
    upstreamCxPreconnectSkipped: scope.counter('upstream_cx_preconnect_skipped'),

    // Requests. Each attempt counts.
    upstreamRqTotal: scope.counter('upstream_rq_total'),
    upstreamRqActive: scope.gauge('upstream_rq_active'),
    /** Requests that had to wait for a connection: the first on a new connection is one. */
    upstreamRqPendingTotal: scope.counter('upstream_rq_pending_total'),
    upstreamRqPendingActive: scope.gauge('upstream_rq_pending_active'),
    /** Refused since the circuit breaker for pending requests, or for requests, was open. */
    upstreamRqPendingOverflow: scope.counter('upstream_rq_pending_overflow'),
    /** Failed since the connection they waited for failed. */
    upstreamRqPendingFailureEject: scope.counter('upstream_rq_pending_failure_eject'),
    upstreamRqActiveOverflow: scope.counter('upstream_rq_active_overflow'),
    /** Every response but 100 Continue; with `upstream_rq_<code>` and `upstream_rq_<class>xx`. */
    upstreamRqCompleted: scope.counter('upstream_rq_completed'),
    /** Given up before a connection was there. */
    upstreamRqCancelled: scope.counter('upstream_rq_cancelled'),
    upstreamRqMaintenanceMode: scope.counter('upstream_rq_maintenance_mode'),
    upstreamRqTimeout: scope.counter('upstream_rq_timeout'),
    upstreamRqMaxDurationReached: scope.counter('upstream_rq_max_duration_reached'),
    upstreamRqPerTryTimeout: scope.counter('upstream_rq_per_try_timeout'),
    upstreamRqPerTryIdleTimeout: scope.counter('upstream_rq_per_try_idle_timeout'),
    upstreamRqRxReset: scope.counter('upstream_rq_rx_reset'),
    upstreamRqRxResetNoError: scope.counter('upstream_rq_rx_reset_no_error'),
    upstreamRqTxReset: scope.counter('upstream_rq_tx_reset'),
    upstreamRq0rtt: scope.counter('upstream_rq_0rtt'),
    /** How many requests a connection carried, recorded when it closes. */
    upstreamRqPerCx: scope.histogram('upstream_rq_per_cx', 'Unspecified'),

    // Retries.
    upstreamRqRetry: scope.counter('upstream_rq_retry'),
    upstreamRqRetryBackoffExponential: scope.counter('upstream_rq_retry_backoff_exponential'),
    upstreamRqRetryBackoffRatelimited: scope.counter('upstream_rq_retry_backoff_ratelimited'),
    /** Not retried since num_retries was used up. */
    upstreamRqRetryLimitExceeded: scope.counter('upstream_rq_retry_limit_exceeded'),
    /** Not retried since the circuit breaker for retries, or the retry budget, was open. */
    upstreamRqRetryOverflow: scope.counter('upstream_rq_retry_overflow'),
    /** Retried, and then answered with something that asks for no retry. */
    upstreamRqRetrySuccess: scope.counter('upstream_rq_retry_success'),
    /** Too large to buffer, so neither retried nor shadowed. */
    retryOrShadowAbandoned: scope.counter('retry_or_shadow_abandoned'),

    upstreamFlowControlPausedReadingTotal: scope.counter('upstream_flow_control_paused_reading_total'),
    upstreamFlowControlResumedReadingTotal: scope.counter('upstream_flow_control_resumed_reading_total'),
    upstreamFlowControlBackedUpTotal: scope.counter('upstream_flow_control_backed_up_total'),
    upstreamFlowControlDrainedTotal: scope.counter('upstream_flow_control_drained_total'),
    upstreamInternalRedirectFailedTotal: scope.counter('upstream_internal_redirect_failed_total'),
    upstreamInternalRedirectSucceededTotal: scope.counter('upstream_internal_redirect_succeeded_total'),
    upstreamHttp3Broken: scope.counter('upstream_http3_broken'),
    upstreamQueueOverloaded: scope.gauge('upstream_queue_overloaded'),
    bindErrors: scope.counter('bind_errors'),
    originalDstHostInvalid: scope.counter('original_dst_host_invalid'),
    /** Hosts whose transport socket is the cluster's own; `<match>.total_match_count` for one of transport_socket_matches. */
    defaultTotalMatchCount: scope.counter('default.total_match_count'),

    // Hosts. Written by the main thread alone: gauges of several threads add up.
    membershipChange: scope.counter('membership_change'),
    membershipHealthy: scope.gauge('membership_healthy'),
    membershipDegraded: scope.gauge('membership_degraded'),
    membershipExcluded: scope.gauge('membership_excluded'),
    membershipTotal: scope.gauge('membership_total'),
    maxHostWeight: scope.gauge('max_host_weight'),
    version: scope.gauge('version'),
    warmingState: scope.gauge('warming_state'),
    updateAttempt: scope.counter('update_attempt'),
    updateSuccess: scope.counter('update_success'),
    updateFailure: scope.counter('update_failure'),
    updateEmpty: scope.counter('update_empty'),
    updateNoRebuild: scope.counter('update_no_rebuild'),
    assignmentTimeoutReceived: scope.counter('assignment_timeout_received'),
    assignmentStale: scope.counter('assignment_stale'),
    assignmentUseCached: scope.counter('assignment_use_cached'),

    // Load balancing.
    lbHealthyPanic: scope.counter('lb_healthy_panic'),
    lbLocalClusterNotOk: scope.counter('lb_local_cluster_not_ok'),
    lbRecalculateZoneStructures: scope.counter('lb_recalculate_zone_structures'),
    lbSubsetsActive: scope.gauge('lb_subsets_active'),
    lbSubsetsCreated: scope.counter('lb_subsets_created'),
    lbSubsetsFallback: scope.counter('lb_subsets_fallback'),
    lbSubsetsFallbackPanic: scope.counter('lb_subsets_fallback_panic'),
    lbSubsetsRemoved: scope.counter('lb_subsets_removed'),
    lbSubsetsSelected: scope.counter('lb_subsets_selected'),
    lbZoneClusterTooSmall: scope.counter('lb_zone_cluster_too_small'),
    lbZoneNoCapacityLeft: scope.counter('lb_zone_no_capacity_left'),
    lbZoneRoutingAllDirectly: scope.counter('lb_zone_routing_all_directly'),
    lbZoneRoutingCrossZone: scope.counter('lb_zone_routing_cross_zone'),
    lbZoneRoutingSampled: scope.counter('lb_zone_routing_sampled'),

    circuitBreakersDefault: circuitBreakerStats(scope.scope('circuit_breakers.default')),
    circuitBreakersHigh: circuitBreakerStats(scope.scope('circuit_breakers.high')),
  };
}

/** Gauges that are 1 while a breaker is open, written by the main thread alone. @param scope `cluster.<name>.circuit_breakers.<priority>`. */
export function circuitBreakerStats(scope: Scope) {
  return {
    cxOpen: scope.gauge('cx_open'),
    cxPoolOpen: scope.gauge('cx_pool_open'),
    rqPendingOpen: scope.gauge('rq_pending_open'),
    rqOpen: scope.gauge('rq_open'),
    rqRetryOpen: scope.gauge('rq_retry_open'),
  };
}

/** What is left below each limit, for thresholds with `track_remaining`. Same scope as {@link circuitBreakerStats}. */
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
