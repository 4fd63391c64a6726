/**
 * The names of headers that a request may not bring from everywhere. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/header_sanitizing
 */

/** Believed from internal requests alone. */
export const INTERNAL_ONLY_HEADERS = [
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
] as const;

/** Removed from what comes from outside, where this proxy stands at the edge. */
export const EDGE_ONLY_HEADERS = [
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
] as const;

/** They hold for one connection alone (RFC 9110, section 7.6.1), `connection` and `upgrade` besides. */
export const HOP_BY_HOP_HEADERS = ['keep-alive', 'proxy-connection', 'transfer-encoding'] as const;

/** Framing and trust hang on these. Envoy lets the lengths be nominated; a request that does so is too dubious for us. */
const NEVER_NOMINATED = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

/** Whether a client may have the field removed by naming it in `connection`; the request is refused where it may not. */
export function mayBeNominated(name: string): boolean {
  return !name.startsWith(':') && !NEVER_NOMINATED.has(name);
}

/** Whether a `te` field asks for trailers: the only thing that may be asked of the next hop (RFC 9110, section 10.1.4). */
export function asksForTrailers(te: string): boolean {
  return te.split(',').some((part) => part.trim().toLowerCase() === 'trailers');
}
