/**
 * The stats of HTTP/2 codecs, made with the first connection that speaks it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats#http-2-codec-statistics
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type Http2CodecStats = ReturnType<typeof http2CodecStats>;

/** @param scope `http2` downstream, `cluster.<name>.http2` upstream. */
export function http2CodecStats(scope: Scope) {
  return {
    cookiesTotalBytesTooLarge: scope.counter('cookies_total_bytes_too_large'),
    droppedHeadersWithUnderscores: scope.counter('dropped_headers_with_underscores'),
    goawaySent: scope.counter('goaway_sent'),
    headerListSizeTooLarge: scope.counter('header_list_size_too_large'),
    /** A head larger, or of more fields, than is taken. */
    headerOverflow: scope.counter('header_overflow'),
    headersCbNoStream: scope.counter('headers_cb_no_stream'),
    inboundEmptyFramesFlood: scope.counter('inbound_empty_frames_flood'),
    inboundPriorityFramesFlood: scope.counter('inbound_priority_frames_flood'),
    inboundWindowUpdateFramesFlood: scope.counter('inbound_window_update_frames_flood'),
    /** Connections closed since PINGs were not answered. */
    keepaliveTimeout: scope.counter('keepalive_timeout'),
    metadataEmptyFrames: scope.counter('metadata_empty_frames'),
    /** Envoy's default codec; ours is counted as that one. */
    nghttp2DownstreamConnections: scope.counter('nghttp2_downstream_connections'),
    nghttp2UpstreamConnections: scope.counter('nghttp2_upstream_connections'),
    oghttp2DownstreamConnections: scope.counter('oghttp2_downstream_connections'),
    oghttp2UpstreamConnections: scope.counter('oghttp2_upstream_connections'),
    outboundControlFlood: scope.counter('outbound_control_flood'),
    outboundFlood: scope.counter('outbound_flood'),
    requestsRejectedWithUnderscoresInHeaders: scope.counter('requests_rejected_with_underscores_in_headers'),
    rxMessagingError: scope.counter('rx_messaging_error'),
    rxReset: scope.counter('rx_reset'),
    streamRefusedErrors: scope.counter('stream_refused_errors'),
    trailers: scope.counter('trailers'),
    txFlushTimeout: scope.counter('tx_flush_timeout'),
    txReset: scope.counter('tx_reset'),
    deferredStreamClose: scope.gauge('deferred_stream_close'),
    outboundControlFramesActive: scope.gauge('outbound_control_frames_active'),
    outboundFramesActive: scope.gauge('outbound_frames_active'),
    /** Bytes of bodies that wait for the peer's windows. */
    pendingSendBytes: scope.gauge('pending_send_bytes'),
    streamsActive: scope.gauge('streams_active'),
    cookieCount: scope.histogram('cookie_count', 'Unspecified'),
    cookieSize: scope.histogram('cookie_size', 'Bytes'),
    headerCount: scope.histogram('header_count', 'Unspecified'),
    headerListSize: scope.histogram('header_list_size', 'Bytes'),
  };
}
