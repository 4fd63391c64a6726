/**
 * Envoy's own request headers, checked before they are believed. Follows extensions.filters.http.router.v3.Router.strict_check_headers.
 */
import { GRPC_CONDITIONS, HTTP_CONDITIONS, retryConditions } from '#proxy/http/router/retry-state.ts';
import type { Headers } from '#wire/headers.ts';

const NUMBER = /^\+?0*\d{1,20}$/;
const NUMBER_LIMIT = 2n ** 64n;

/** @returns the first of `names` whose value is not what it should be */
export function invalidEnvoyHeader(
  headers: Headers,
  names: readonly string[],
): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = headers.get(name);
    if (value === undefined) continue;
    if (!isValid(name, value)) return { name, value };
  }
  return undefined;
}

function isValid(name: string, value: string): boolean {
  if (name === 'x-envoy-retry-on') return areConditions(value, HTTP_CONDITIONS);
  if (name === 'x-envoy-retry-grpc-on') return areConditions(value, GRPC_CONDITIONS);
  return NUMBER.test(value) && BigInt(value.replace('+', '')) < NUMBER_LIMIT;
}

/** Whether every word of the list is one of these conditions. */
function areConditions(list: string, conditions: number): boolean {
  return list.split(',').every((word) => word.trim() === '' || (retryConditions([word]) & conditions) !== 0);
}
