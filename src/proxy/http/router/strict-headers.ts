/**
 * Envoy's own request headers, checked before they are believed. Follows extensions.filters.http.router.v3.Router.strict_check_headers.
 */

import { retryConditions } from '#proxy/http/router/retry-state.ts';
import type { Headers } from '#wire/headers.ts';

const NUMBER = /^\d+$/;

/** @returns the first of `names` whose value is not what it should be */
export function invalidEnvoyHeader(
  headers: Headers,
  names: readonly string[],
): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = headers.get(name);
    if (value === undefined) continue;
    const valid =
      name === 'x-envoy-retry-on' || name === 'x-envoy-retry-grpc-on'
        ? value.split(',').every((word) => retryConditions([word]) !== 0)
        : NUMBER.test(value);
    if (!valid) return { name, value };
  }
  return undefined;
}
