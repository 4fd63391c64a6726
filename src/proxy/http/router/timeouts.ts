/**
 * How long a request may take: the route's timeout, or what the request's own headers ask for. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-upstream-rq-timeout-ms
 */
import type { RouteAction } from '#config/model/route.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Known } from '#wire/known-headers.ts';

/** Milliseconds; 0 is none. */
export interface RequestTimeouts {
  global: number;
  perTry: number;
}

const result: RequestTimeouts = { global: 0, perTry: 0 };

/** Reads the timeouts and takes their headers out of the request; tells the upstream how long it has. The object is reused. */
export function applyTimeouts(
  stream: HttpStream,
  action: RouteAction,
  perTryOfPolicy: number,
  router: RouterConfig,
): RequestTimeouts {
  const headers = stream.requestHeaders;
  const expected = Known['x-envoy-expected-rq-timeout-ms'];
  result.global = action.timeout;
  result.perTry = perTryOfPolicy;
  if (headers.hasKnown(Known['x-envoy-upstream-rq-timeout-ms'])) {
    const asked = milliseconds(headers.getKnown(Known['x-envoy-upstream-rq-timeout-ms']));
    if (asked !== undefined) result.global = asked;
    headers.removeKnown(Known['x-envoy-upstream-rq-timeout-ms']);
  } else if (router.respectExpectedRqTimeout && headers.hasKnown(expected)) {
    const asked = milliseconds(headers.getKnown(expected));
    if (asked !== undefined) result.global = asked;
  }
  if (headers.hasKnown(Known['x-envoy-upstream-rq-per-try-timeout-ms'])) {
    const asked = milliseconds(headers.getKnown(Known['x-envoy-upstream-rq-per-try-timeout-ms']));
    if (asked !== undefined) result.perTry = asked;
    headers.removeKnown(Known['x-envoy-upstream-rq-per-try-timeout-ms']);
  }
  if (result.perTry >= result.global && result.global !== 0) result.perTry = 0;
  // With hedging, the attempt goes on beside the next one.
  const hedged = headers.getKnown(Known['x-envoy-hedge-on-per-try-timeout']) === 'true';
  const told = result.perTry > 0 && !(hedged && result.global > 0) ? result.perTry : result.global;
  if (told > 0 && !router.suppressEnvoyHeaders) headers.setKnown(expected, String(told));
  return result;
}

function milliseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\+?\d{1,15}$/.test(text) ? Number(text) : undefined;
}
