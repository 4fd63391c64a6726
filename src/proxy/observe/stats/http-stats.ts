/**
 * The stats of an HTTP connection manager and its router, all made at once as Envoy does, for the data path to hold and write.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats
 */
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';

export type HttpStats = ReturnType<typeof httpStats>;
export type HttpTracingStats = ReturnType<typeof httpTracingStats>;
export type RouterStats = ReturnType<typeof routerStats>;
export type HttpListenerStats = ReturnType<typeof httpListenerStats>;
export type Http1CodecStats = ReturnType<typeof http1CodecStats>;
export type VirtualClusterStats = ReturnType<typeof virtualClusterStats>;

/** @param scope `http.<stat_prefix>`. */
export function httpStats(scope: Scope) {
  return {
    // Connections. What is destroyed is also counted by who closed it and whether it carried a request.
    downstreamCxTotal: scope.counter('downstream_cx_total'),
    downstreamCxActive: scope.gauge('downstream_cx_active'),
    downstreamCxSslTotal: scope.counter('downstream_cx_ssl_total'),
    downstreamCxSslActive: scope.gauge('downstream_cx_ssl_active'),
    downstreamCxHttp1Total: scope.counter('downstream_cx_http1_total'),
    downstreamCxHttp1Active: scope.gauge('downstream_cx_http1_active'),
    downstreamCxHttp1SoftDrain: scope.gauge('downstream_cx_http1_soft_drain'),
    downstreamCxHttp2Total: scope.counter('downstream_cx_http2_total'),
    downstreamCxHttp2Active: scope.gauge('downstream_cx_http2_active'),
    downstreamCxHttp3Total: scope.counter('downstream_cx_http3_total'),
    downstreamCxHttp3Active: scope.gauge('downstream_cx_http3_active'),
    downstreamCxUpgradesTotal: scope.counter('downstream_cx_upgrades_total'),
    downstreamCxUpgradesActive: scope.gauge('downstream_cx_upgrades_active'),
    downstreamCxProtocolError: scope.counter('downstream_cx_protocol_error'),
    downstreamCxLengthMs: scope.histogram('downstream_cx_length_ms', 'Milliseconds'),
    downstreamCxDestroy: scope.counter('downstream_cx_destroy'),
    downstreamCxDestroyLocal: scope.counter('downstream_cx_destroy_local'),
    downstreamCxDestroyRemote: scope.counter('downstream_cx_destroy_remote'),
    downstreamCxDestroyActiveRq: scope.counter('downstream_cx_destroy_active_rq'),
    downstreamCxDestroyLocalActiveRq: scope.counter('downstream_cx_destroy_local_active_rq'),
    downstreamCxDestroyRemoteActiveRq: scope.counter('downstream_cx_destroy_remote_active_rq'),
    downstreamCxRxBytesTotal: scope.counter('downstream_cx_rx_bytes_total'),
    downstreamCxRxBytesBuffered: scope.gauge('downstream_cx_rx_bytes_buffered'),
    downstreamCxTxBytesTotal: scope.counter('downstream_cx_tx_bytes_total'),
    downstreamCxTxBytesBuffered: scope.gauge('downstream_cx_tx_bytes_buffered'),
    downstreamCxDrainClose: scope.counter('downstream_cx_drain_close'),
    downstreamCxIdleTimeout: scope.counter('downstream_cx_idle_timeout'),
    downstreamCxMaxDurationReached: scope.counter('downstream_cx_max_duration_reached'),
    downstreamCxMaxRequestsReached: scope.counter('downstream_cx_max_requests_reached'),
    downstreamCxOverloadDisableKeepalive: scope.counter('downstream_cx_overload_disable_keepalive'),
    /** The peer did not close within delayed_close_timeout. */
    downstreamCxDelayedCloseTimeout: scope.counter('downstream_cx_delayed_close_timeout'),
    downstreamFlowControlPausedReadingTotal: scope.counter('downstream_flow_control_paused_reading_total'),
    downstreamFlowControlResumedReadingTotal: scope.counter('downstream_flow_control_resumed_reading_total'),

    // Requests.
    downstreamRqTotal: scope.counter('downstream_rq_total'),
    downstreamRqActive: scope.gauge('downstream_rq_active'),
    downstreamRqHttp1Total: scope.counter('downstream_rq_http1_total'),
    downstreamRqHttp2Total: scope.counter('downstream_rq_http2_total'),
    downstreamRqHttp3Total: scope.counter('downstream_rq_http3_total'),
    /** Counted with the class of its status, when the response's head is sent. */
    downstreamRqCompleted: scope.counter('downstream_rq_completed'),
    /** By class: `[0]` is 1xx. */
    downstreamRqXx: classes(scope),
    /** From the first byte to the end of the stream. */
    downstreamRqTime: scope.histogram('downstream_rq_time', 'Milliseconds'),
    downstreamRqRxReset: scope.counter('downstream_rq_rx_reset'),
    downstreamRqTxReset: scope.counter('downstream_rq_tx_reset'),
    downstreamRqTooManyPrematureResets: scope.counter('downstream_rq_too_many_premature_resets'),
    downstreamRqNonRelativePath: scope.counter('downstream_rq_non_relative_path'),
    downstreamRqFailedPathNormalization: scope.counter('downstream_rq_failed_path_normalization'),
    downstreamRqRedirectedWithNormalizedPath: scope.counter('downstream_rq_redirected_with_normalized_path'),
    downstreamRqRejectedViaIpDetection: scope.counter('downstream_rq_rejected_via_ip_detection'),
    downstreamRqResponseBeforeRqComplete: scope.counter('downstream_rq_response_before_rq_complete'),
    /** 413: the body did not fit a filter's buffer. */
    downstreamRqTooLarge: scope.counter('downstream_rq_too_large'),
    /** The response did not fit a filter's buffer. */
    rsTooLarge: scope.counter('rs_too_large'),
    downstreamRqWsOnNonWsRoute: scope.counter('downstream_rq_ws_on_non_ws_route'),
    downstreamRqIdleTimeout: scope.counter('downstream_rq_idle_timeout'),
    downstreamRqHeaderTimeout: scope.counter('downstream_rq_header_timeout'),
    downstreamRqTimeout: scope.counter('downstream_rq_timeout'),
    downstreamRqMaxDurationReached: scope.counter('downstream_rq_max_duration_reached'),
    downstreamRqOverloadClose: scope.counter('downstream_rq_overload_close'),
  };
}

/** Made with every configured connection manager, traced or not. @param scope `http.<stat_prefix>`. */
export function httpTracingStats(scope: Scope) {
  return {
    randomSampling: scope.counter('tracing.random_sampling'),
    serviceForced: scope.counter('tracing.service_forced'),
    clientEnabled: scope.counter('tracing.client_enabled'),
    notTraceable: scope.counter('tracing.not_traceable'),
    healthCheck: scope.counter('tracing.health_check'),
  };
}

/** @param scope `http.<stat_prefix>`. Follows .../http_filters/router_filter#statistics. */
export function routerStats(scope: Scope) {
  return {
    noRoute: scope.counter('no_route'),
    noCluster: scope.counter('no_cluster'),
    rqRedirect: scope.counter('rq_redirect'),
    rqDirectResponse: scope.counter('rq_direct_response'),
    /** Requests that the router took, whatever became of them. */
    rqTotal: scope.counter('rq_total'),
    rqOverloadLocalReply: scope.counter('rq_overload_local_reply'),
    rqResetAfterDownstreamResponseStarted: scope.counter('rq_reset_after_downstream_response_started'),
    passthroughInternalRedirectBadLocation: scope.counter('passthrough_internal_redirect_bad_location'),
    passthroughInternalRedirectUnsafeScheme: scope.counter('passthrough_internal_redirect_unsafe_scheme'),
    passthroughInternalRedirectTooManyRedirects: scope.counter('passthrough_internal_redirect_too_many_redirects'),
    passthroughInternalRedirectNoRoute: scope.counter('passthrough_internal_redirect_no_route'),
    passthroughInternalRedirectPredicate: scope.counter('passthrough_internal_redirect_predicate'),
  };
}

/** A connection manager's answers, counted once more by listener. @param scope `listener.<address>.http.<stat_prefix>`. */
export function httpListenerStats(scope: Scope) {
  return {
    downstreamRqCompleted: scope.counter('downstream_rq_completed'),
    /** By class: `[0]` is 1xx. */
    downstreamRqXx: classes(scope),
  };
}

/** Made with the first connection that speaks HTTP/1. @param scope `http1` downstream, `cluster.<name>.http1` upstream. */
export function http1CodecStats(scope: Scope) {
  return {
    droppedHeadersWithUnderscores: scope.counter('dropped_headers_with_underscores'),
    metadataNotSupportedError: scope.counter('metadata_not_supported_error'),
    requestsRejectedWithUnderscoresInHeaders: scope.counter('requests_rejected_with_underscores_in_headers'),
    responseFlood: scope.counter('response_flood'),
  };
}

/**
 * Of a virtual cluster (with `other` for what none matches) or a route with a stat_prefix; answers count through
 * response-code-stats.ts. @param scope `vhost.<name>.vcluster.<name>` or `vhost.<name>.route.<stat_prefix>`.
 */
export function virtualClusterStats(scope: Scope) {
  return {
    upstreamRqTotal: scope.counter('upstream_rq_total'),
    upstreamRqTimeout: scope.counter('upstream_rq_timeout'),
    upstreamRqRetry: scope.counter('upstream_rq_retry'),
    upstreamRqRetryLimitExceeded: scope.counter('upstream_rq_retry_limit_exceeded'),
    upstreamRqRetryOverflow: scope.counter('upstream_rq_retry_overflow'),
    upstreamRqRetrySuccess: scope.counter('upstream_rq_retry_success'),
  };
}

function classes(scope: Scope): readonly Counter[] {
  return [1, 2, 3, 4, 5].map((digit) => scope.counter(`downstream_rq_${digit}xx`));
}
