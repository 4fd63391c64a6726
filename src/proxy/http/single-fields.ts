/**
 * Fields of which Envoy keeps one line: what a message says several times becomes a list in the place of the first (RFC 9110, section 5.3).
 * Which they are was found out by asking Envoy 1.40 for every name that its headers and extensions register.
 */
import type { Headers } from '#wire/headers.ts';
import { KNOWN, Known, type KnownName } from '#wire/known-headers.ts';

const BOTH: KnownName[] = [
  'cache-control',
  'content-encoding',
  'content-type',
  'proxy-status',
  'via',
  'x-envoy-attempt-count',
  'x-envoy-decorator-operation',
  'x-request-id',
];

const REQUEST: KnownName[] = [
  ...BOTH,
  'accept',
  'accept-encoding',
  'access-control-request-headers',
  'access-control-request-method',
  'access-control-request-private-network',
  'authorization',
  'expect',
  'grpc-accept-encoding',
  'grpc-timeout',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'origin',
  'pragma',
  'referer',
  'te',
  'user-agent',
  'x-client-trace-id',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-external-address',
  'x-envoy-force-trace',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-internal',
  'x-envoy-ip-tags',
  'x-envoy-is-timeout-retry',
  'x-envoy-max-retries',
  'x-envoy-original-host',
  'x-envoy-original-path',
  'x-envoy-original-url',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-stream-duration-ms',
  'x-forwarded-client-cert',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
];

const RESPONSE: KnownName[] = [
  ...BOTH,
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
  'age',
  'date',
  'etag',
  'expires',
  'grpc-message',
  'grpc-status',
  'last-modified',
  'location',
  'server',
  'vary',
  'x-envoy-degraded',
  'x-envoy-immediate-health-check-fail',
  'x-envoy-ratelimited',
  'x-envoy-upstream-canary',
  'x-envoy-upstream-healthchecked-cluster',
  'x-envoy-upstream-service-time',
];

const requestIds = REQUEST.map((name) => Known[name]);
const responseIds = RESPONSE.map((name) => Known[name]);

/** Called where `headers.repeated`: seldom. */
export function joinRequestFields(headers: Headers): void {
  join(headers, requestIds);
}

export function joinResponseFields(headers: Headers): void {
  join(headers, responseIds);
}

function join(headers: Headers, ids: readonly number[]): void {
  for (const id of ids) {
    if (!headers.hasKnown(id)) continue;
    const values = headers.all(KNOWN[id]);
    if (values.length > 1) headers.setKnown(id, values.join(','));
  }
}
