/**
 * What is counted and told where a client breaks a rule of HTTP/2: Envoy's stats, response flags and response-code details.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details#per-codec-details
 */
import { Flag } from '#proxy/observe/response-flags.ts';
import type { Http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import type { Violation, ViolationKind } from '#wire/http2/violation.ts';

const details: Partial<Record<ViolationKind, string>> = {
  header: 'http2.invalid.header.field',
  messaging: 'http2.violation.of.messaging.rule',
  'body-length': 'http2.violation.of.messaging.rule',
  'too-many-headers': 'http2.too_many_headers',
  'too-large-headers': 'http2.header_list_size_too_large',
  'outbound-flood': 'http2.outbound_frames_flood',
  'outbound-control-flood': 'http2.outbound_frames_flood',
  'inbound-empty-frames-flood': 'http2.inbound_empty_frames_flood',
  'inbound-priority-frames-flood': 'http2.inbound_priority_frames_flood',
  'inbound-window-update-frames-flood': 'http2.inbound_window_update_frames_flood',
};

/** @returns the response-code details of a stream that ends by it */
export function violationDetails({ kind, text }: Violation): string {
  return details[kind] ?? `codec_error:${text.replaceAll(' ', '_')}`;
}

/** @returns the response flag of a stream that ends by it */
export function violationFlag({ kind }: Violation): number {
  return kind === 'too-many-headers' || kind === 'too-large-headers'
    ? Flag.DownstreamRemoteReset
    : Flag.DownstreamProtocolError;
}

/** Counts it. @returns whether it is one of the floods, which have counters of their own */
export function countViolation({ kind }: Violation, stats: Http2CodecStats): boolean {
  switch (kind) {
    case 'header':
    case 'messaging':
      stats.rxMessagingError.inc();
      return false;
    case 'too-many-headers':
      stats.headerOverflow.inc();
      return false;
    case 'too-large-headers':
      stats.headerListSizeTooLarge.inc();
      return false;
    case 'outbound-flood':
      stats.outboundFlood.inc();
      return true;
    case 'outbound-control-flood':
      stats.outboundControlFlood.inc();
      return true;
    case 'inbound-empty-frames-flood':
      stats.inboundEmptyFramesFlood.inc();
      return true;
    case 'inbound-priority-frames-flood':
      stats.inboundPriorityFramesFlood.inc();
      return true;
    case 'inbound-window-update-frames-flood':
      stats.inboundWindowUpdateFramesFlood.inc();
      return true;
    default:
      return false;
  }
}

/** @returns the response-code details of a stream that the client reset */
export function resetDetails(code: number): string {
  return code === ErrorCode.RefusedStream ? 'http2.remote_refuse' : 'http2.remote_reset';
}
