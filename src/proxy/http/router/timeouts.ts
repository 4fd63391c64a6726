/**
 * How long a request may take: the route's timeout, or what the request's own headers ask for. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-upstream-rq-timeout-ms
 */
import type { RouteAction, VirtualHost } from '#config/model/route.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { grpcTimeoutText, parseGrpcTimeout } from '#selection/grpc-timeout.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const EXPECTED = Known['x-envoy-expected-rq-timeout-ms'];

/** Milliseconds; 0 is none. */
export interface RequestTimeouts {
  global: number;
  perTry: number;
  perTryIdle: number;
  /** With hedging, an attempt goes on beside the next one. */
  hedged: boolean;
  /** The upstream learns of it as a gRPC service does. */
  tellsGrpc: boolean;
}

/** Reads the timeouts into `result`, and takes their headers out of the request. @param virtualHost whose policies hold where the route has none */
export function readTimeouts(
  stream: HttpStream,
  action: RouteAction,
  virtualHost: Pick<VirtualHost, 'retryPolicy' | 'hedgePolicy'>,
  router: RouterConfig,
  result: RequestTimeouts,
): void {
  const headers = stream.requestHeaders;
  const retryPolicy = action.retryPolicy ?? virtualHost.retryPolicy;
  result.tellsGrpc =
    action.maxGrpcTimeout !== undefined &&
    action.maxStreamDuration === undefined &&
    isGrpc(headers.getKnown(Known['content-type']));
  result.global = result.tellsGrpc ? grpcTimeout(headers.getKnown(Known['grpc-timeout']), action) : action.timeout;
  result.perTry = retryPolicy?.perTryTimeout ?? 0;
  result.perTryIdle = retryPolicy?.perTryIdleTimeout ?? 0;
  if (headers.hasKnown(Known['x-envoy-upstream-rq-timeout-ms'])) {
    const asked = milliseconds(headers.getKnown(Known['x-envoy-upstream-rq-timeout-ms']));
    if (asked !== undefined) result.global = asked;
    headers.removeKnown(Known['x-envoy-upstream-rq-timeout-ms']);
  } else if (router.respectExpectedRqTimeout && headers.hasKnown(EXPECTED)) {
    const asked = milliseconds(headers.getKnown(EXPECTED));
    if (asked !== undefined) result.global = asked;
  }
  if (headers.hasKnown(Known['x-envoy-upstream-rq-per-try-timeout-ms'])) {
    const asked = milliseconds(headers.getKnown(Known['x-envoy-upstream-rq-per-try-timeout-ms']));
    if (asked !== undefined) result.perTry = asked;
    headers.removeKnown(Known['x-envoy-upstream-rq-per-try-timeout-ms']);
  }
  const hedgePolicy = action.hedgePolicy ?? virtualHost.hedgePolicy;
  result.hedged = takeHedging(headers) ?? hedgePolicy?.hedgeOnPerTryTimeout ?? false;
  if (result.perTry >= result.global && result.global !== 0) result.perTry = 0;
}

/** What the request itself says of hedging. */
function takeHedging(headers: Headers): boolean | undefined {
  const asked = headers.getKnown(Known['x-envoy-hedge-on-per-try-timeout']);
  if (asked === undefined) return undefined;
  headers.removeKnown(Known['x-envoy-hedge-on-per-try-timeout']);
  return asked === 'true' || asked === 'false' ? asked === 'true' : undefined;
}

/** max_grpc_timeout and grpc_timeout_offset: what the caller waits, but not longer than the route lets it; 0 is without end. */
function grpcTimeout(asked: string | undefined, { maxGrpcTimeout = 0, grpcTimeoutOffset = 0 }: RouteAction): number {
  let timeout = parseGrpcTimeout(asked) ?? 0;
  if (grpcTimeoutOffset < timeout) timeout -= grpcTimeoutOffset;
  return maxGrpcTimeout > 0 && (timeout === 0 || timeout > maxGrpcTimeout) ? maxGrpcTimeout : timeout;
}

/** Tells the upstream how long it has. @param elapsed whole milliseconds since the request was whole */
export function tellTimeout(
  headers: Headers,
  { global, perTry, hedged, tellsGrpc }: RequestTimeouts,
  router: RouterConfig,
  elapsed: number,
): void {
  let left = perTry > 0 && !hedged ? perTry : global;
  if (left === 0) return;
  // 0 would be without end.
  if (global > 0) left = elapsed >= global ? 1 : Math.min(left, global - elapsed);
  if (!router.suppressEnvoyHeaders) headers.setKnown(EXPECTED, String(left));
  if (tellsGrpc) headers.setKnown(Known['grpc-timeout'], grpcTimeoutText(left));
}

function milliseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\+?\d{1,15}$/.test(text) ? Number(text) : undefined;
}
