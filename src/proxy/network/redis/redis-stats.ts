/**
 * The stats of the Redis proxy: of its clients, of each command, and of each cluster.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/redis_proxy_filter
 */
import type { Counter, Histogram, Scope } from '#proxy/observe/stats/metrics.ts';

export type RedisProxyStats = ReturnType<typeof redisProxyStats>;
export type RedisClusterStats = ReturnType<typeof redisClusterStats>;

/** @param scope `redis.<stat_prefix>` */
export function redisProxyStats(scope: Scope) {
  return {
    cxTotal: scope.counter('downstream_cx_total'),
    cxActive: scope.gauge('downstream_cx_active'),
    cxDrainClose: scope.counter('downstream_cx_drain_close'),
    cxProtocolError: scope.counter('downstream_cx_protocol_error'),
    cxRxBytesTotal: scope.counter('downstream_cx_rx_bytes_total'),
    cxRxBytesBuffered: scope.gauge('downstream_cx_rx_bytes_buffered'),
    cxTxBytesTotal: scope.counter('downstream_cx_tx_bytes_total'),
    cxTxBytesBuffered: scope.gauge('downstream_cx_tx_bytes_buffered'),
    rqTotal: scope.counter('downstream_rq_total'),
    rqActive: scope.gauge('downstream_rq_active'),
    /** HELLO for a version that is not spoken. */
    rqNoproto: scope.counter('downstream_rq_noproto'),
    invalidRequest: scope.counter('splitter.invalid_request'),
    unsupportedCommand: scope.counter('splitter.unsupported_command'),
  };
}

export interface CommandStats {
  total: Counter;
  success: Counter;
  error: Counter;
  errorFault: Counter;
  delayFault: Counter;
  latency: Histogram;
}

/** @param scope `redis.<stat_prefix>.command.<command>` */
export function commandStats(scope: Scope, micros: boolean): CommandStats {
  return {
    total: scope.counter('total'),
    success: scope.counter('success'),
    error: scope.counter('error'),
    errorFault: scope.counter('error_fault'),
    delayFault: scope.counter('delay_fault'),
    latency: scope.histogram('latency', micros ? 'Microseconds' : 'Milliseconds'),
  };
}

/** @param scope `cluster.<name>.redis_cluster` */
export function redisClusterStats(scope: Scope) {
  return {
    upstreamCxDrained: scope.counter('upstream_cx_drained'),
    maxUpstreamUnknownConnectionsReached: scope.counter('max_upstream_unknown_connections_reached'),
    connectionRateLimited: scope.counter('connection_rate_limited'),
    upstreamResp3HelloFailure: scope.counter('upstream_resp3_hello_failure'),
  };
}

/** What one command did at a cluster's hosts. */
export interface UpstreamCommandStats {
  total: Counter;
  success: Counter;
  failure: Counter;
  latency: Histogram;
}

/** @param scope `cluster.<name>.redis_cluster.upstream_commands.<command>` */
export function upstreamCommandStats(scope: Scope): UpstreamCommandStats {
  return {
    total: scope.counter('total'),
    success: scope.counter('success'),
    failure: scope.counter('failure'),
    latency: scope.histogram('latency', 'Microseconds'),
  };
}
