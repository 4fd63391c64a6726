/**
 * What happens to a request that takes too long: an answer that says so, or the end of the stream where the answer has begun.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#stream-timeouts
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply, withGrpcStatus } from '#proxy/http/local-reply.ts';
import { Flag } from '#proxy/observe/response-flags.ts';

/** gRPC's DEADLINE_EXCEEDED. */
const DEADLINE_EXCEEDED = 4;

/** stream_idle_timeout: nothing moved. */
export function onStreamIdle(stream: HttpStream): void {
  if (stream.finished) return;
  stream.manager.stats.downstreamRqIdleTimeout.inc();
  stream.flags |= Flag.StreamIdleTimeout;
  if (stream.responseStarted) {
    stream.responseCodeDetails = 'stream_idle_timeout';
    return stream.manager.resetStream(stream);
  }
  sendLocalReply(stream, waited(stream), 'stream timeout', 'stream_idle_timeout');
}

/** request_timeout: the request is not whole. */
export function onRequestTimeout(stream: HttpStream): void {
  if (stream.finished) return;
  stream.manager.stats.downstreamRqTimeout.inc();
  sendLocalReply(stream, 408, 'request timeout', 'request_overall_timeout');
}

/** max_stream_duration. */
export function onMaxStreamDuration(stream: HttpStream): void {
  if (stream.finished) return;
  stream.manager.stats.downstreamRqMaxDurationReached.inc();
  if (stream.responseStarted) {
    stream.responseCodeDetails = 'max_duration_timeout';
    return stream.manager.resetStream(stream);
  }
  sendLocalReply(
    stream,
    waited(stream),
    'downstream duration timeout',
    'max_duration_timeout',
    withGrpcStatus(DEADLINE_EXCEEDED),
  );
}

/** @returns the status for a stream that took too long: by whether the upstream or the client was waited for. */
function waited({ requestEnded, openEnded }: HttpStream): 408 | 504 {
  return requestEnded && !openEnded ? 504 : 408;
}
