/**
 * How long a stream may last: as its manager or its route says, or as the caller of a gRPC method asks and the route allows. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#route-timeouts and config.route.v3.RouteAction.MaxStreamDuration.
 */
import type { RouteAction } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { grpcTimeoutText, parseGrpcTimeout } from '#selection/grpc-timeout.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import { Known } from '#wire/known-headers.ts';

/** The route is chosen: the stream's time is counted by what it says, from the stream's beginning on. */
export function limitDuration(stream: HttpStream, action: RouteAction): void {
  const limits = action.maxStreamDuration;
  if (limits === undefined) return;
  const { worker, config } = stream.manager;
  const headers = stream.requestHeaders;
  const asked = parseGrpcTimeout(headers.getKnown(Known['grpc-timeout']));
  const called = isGrpc(headers.getKnown(Known['content-type']));
  let duration: number | undefined;
  if (asked === undefined || limits.grpcTimeoutHeaderMax === undefined) {
    duration = limits.maxStreamDuration ?? config.common.maxStreamDuration;
    if (duration === undefined || duration === 0) {
      if (!stream.maxDurationTimer.armed) return;
      worker.timers.cancel(stream.maxDurationTimer);
      if (called) headers.removeKnown(Known['grpc-timeout']);
      return;
    }
  } else duration = grpcDuration(asked, limits.grpcTimeoutHeaderMax, limits.grpcTimeoutHeaderOffset ?? 0);
  if (called) headers.setKnown(Known['grpc-timeout'], grpcTimeoutText(duration));
  worker.timers.arm(stream.maxDurationTimer, Math.max(0, duration - (clock.now() - stream.marks.start)));
}

function grpcDuration(asked: number, max: number, offset: number): number {
  const duration = max > 0 ? Math.min(asked, max) : asked;
  return Math.max(0, duration - offset);
}
