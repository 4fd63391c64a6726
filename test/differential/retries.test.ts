/**
 * When a request is tried again: each `retry_on` value, its limits, and what the request's own headers change.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter (x-envoy-retry-on).
 */
import { test } from 'node:test';
import {
  answer,
  byPath,
  endBeforeAnswer,
  hang,
  inTurn,
  rawAndReset,
  resetBeforeAnswer,
  responseText,
} from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  httpProtocolOptions,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  withRoutes,
} from '#testing/bootstrap.ts';
import type { Exchange } from '#testing/start-upstream.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const failing = (status: number, headers: Record<string, string> = {}) =>
  inTurn(answer({ status, headers, body: 'first' }), answer('second'));
const grpc = (status: string) =>
  inTurn(
    answer({ headers: { 'content-type': 'application/grpc', 'grpc-status': status } }),
    answer({ headers: { 'content-type': 'application/grpc', 'grpc-status': '0' } }),
  );

/** How the first attempt ends; the second is fine. */
const upstream = byPath({
  '/500/': failing(500),
  '/502/': failing(502),
  '/503/': failing(503),
  '/504/': failing(504),
  '/409/': failing(409),
  '/429/': failing(429),
  '/418/': failing(418),
  '/404/': failing(404),
  '/limited/': failing(429, { 'x-envoy-ratelimited': 'true' }),
  '/marked/': failing(200, { 'x-again': 'yes' }),
  '/reset/': inTurn(resetBeforeAnswer, answer('second')),
  '/end/': inTurn(endBeforeAnswer, answer('second')),
  '/late-reset/': inTurn(rawAndReset('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'), answer('second')),
  '/cancelled/': grpc('1'),
  '/deadline/': grpc('4'),
  '/exhausted/': grpc('8'),
  '/internal/': grpc('13'),
  '/unavailable/': grpc('14'),
  '/always-503/': answer({ status: 503, body: 'always' }),
  '/hang/': inTurn(hang, answer('second')),
  '/always-hang/': hang,
  '/short-hang/': inTurn(hang, answer('second')),
  '/short-always-hang/': hang,
  '/hang-then-503/': inTurn(hang, answer({ status: 503 }), answer('third')),
  '/retry-after/': inTurn(answer({ status: 429, headers: { 'retry-after': '1' } }), answer('second')),
});

const policy = (retry_on: string, more: Json = {}): Json => ({
  retry_on,
  retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' },
  ...more,
});

/** Each has a route `/<failure>/<policy>`. */
const POLICIES: Record<string, { policy: Json; failures: string[] }> = {
  '5xx': {
    policy: policy('5xx'),
    failures: ['500', '502', '503', '504', '404', '429', 'reset', 'end', 'late-reset', 'refused'],
  },
  'gateway-error': { policy: policy('gateway-error'), failures: ['500', '502', '503', '504', 'reset'] },
  reset: { policy: policy('reset'), failures: ['reset', 'end', 'late-reset', '503', 'refused'] },
  'reset-before-request': { policy: policy('reset-before-request'), failures: ['reset', 'refused'] },
  'connect-failure': { policy: policy('connect-failure'), failures: ['refused', 'reset', '503'] },
  'envoy-ratelimited': { policy: policy('envoy-ratelimited'), failures: ['limited', '429'] },
  'retriable-4xx': { policy: policy('retriable-4xx'), failures: ['409', '429', '404'] },
  'refused-stream': { policy: policy('refused-stream'), failures: ['reset', 'refused'] },
  'retriable-status-codes': {
    policy: policy('retriable-status-codes', { retriable_status_codes: [418, 404] }),
    failures: ['418', '404', '409'],
  },
  'retriable-headers': {
    policy: policy('retriable-headers', { retriable_headers: [{ name: 'x-again', string_match: { exact: 'yes' } }] }),
    failures: ['marked', '503'],
  },
  'grpc cancelled': { policy: policy('cancelled'), failures: ['cancelled', 'unavailable'] },
  'grpc deadline-exceeded': { policy: policy('deadline-exceeded'), failures: ['deadline', 'unavailable'] },
  'grpc resource-exhausted': { policy: policy('resource-exhausted'), failures: ['exhausted', 'unavailable'] },
  'grpc internal': { policy: policy('internal'), failures: ['internal', 'unavailable'] },
  'grpc unavailable': { policy: policy('unavailable'), failures: ['unavailable', 'internal', '503'] },
  'several values': { policy: policy('connect-failure, retriable-4xx ,5xx'), failures: ['409', '503', 'refused'] },
  'unknown value': { policy: policy('nonsense'), failures: ['503', 'refused'] },
  'three tries': { policy: policy('5xx', { num_retries: 3 }), failures: ['always-503', 'refused'] },
  'no tries': { policy: policy('5xx', { num_retries: 0 }), failures: ['503'] },
  'per try': { policy: policy('5xx', { num_retries: 2, per_try_timeout: '0.06s' }), failures: ['hang', 'always-hang'] },
  'per try idle': {
    policy: policy('5xx', { num_retries: 1, per_try_idle_timeout: '0.06s' }),
    failures: ['hang', 'always-hang'],
  },
  'per try, not on 5xx': {
    policy: policy('connect-failure', { num_retries: 1, per_try_timeout: '0.06s' }),
    failures: ['hang'],
  },
  'only some requests': {
    policy: policy('5xx', { retriable_request_headers: [{ name: 'x-retry', present_match: true }] }),
    failures: ['503'],
  },
  'longest, on 5xx': { policy: policy('5xx', { num_retries: 2 }), failures: ['short-hang', 'short-always-hang'] },
  'longest, on connect-failure': { policy: policy('connect-failure'), failures: ['short-hang'] },
  'per try, then 503': {
    policy: policy('5xx', { num_retries: 2, per_try_timeout: '0.06s' }),
    failures: ['hang-then-503'],
  },
  'per try idle, nothing retried': { policy: { per_try_idle_timeout: '0.06s' }, failures: ['always-hang'] },
  'by rate limit': {
    policy: policy('retriable-status-codes', {
      retriable_status_codes: [429],
      rate_limited_retry_back_off: { reset_headers: [{ name: 'retry-after', format: 'SECONDS' }] },
    }),
    failures: ['retry-after'],
  },
};

function routes(): Json[] {
  return Object.entries(POLICIES).flatMap(([name, { policy: retry_policy, failures }]) =>
    failures.map((failure) => ({
      match: { path_separated_prefix: `/${failure}/${name.replaceAll(' ', '-')}` },
      route: {
        cluster: failure === 'refused' ? failure : failure.startsWith('short') ? 'short' : 'c',
        retry_policy,
        timeout: name === 'by rate limit' ? '0s' : '2s',
      },
    })),
  );
}

test('a request is tried again when Envoy would', async (t) => {
  const cases: Case[] = Object.entries(POLICIES).flatMap(([name, { failures }]) =>
    failures.map((failure) => {
      const path = `/${failure}/${name.replaceAll(' ', '-')}`;
      const send = name.startsWith('grpc') ? post(path, '', 'content-type: application/grpc') : get(path);
      return { name: `${name}: ${failure}`, send };
    }),
  );
  cases.push(
    { name: 'a POST is sent again whole', send: post('/503/5xx/body', 'x'.repeat(3000)), status: 200 },
    { name: 'a body beyond the buffer is not', send: post('/503/5xx/big', 'x'.repeat(3_000_000)) },
    {
      name: 'a slow body does not count for the timeout of a try',
      send: async (wire) => {
        await wire.send(request('POST /hang/per-try/slow HTTP/1.1', ['host: a', 'content-length: 4'], 'ab'));
        await new Promise((resolve) => setTimeout(resolve, 150));
        await wire.send('cd');
      },
      status: 200,
    },
    { name: 'a request with the header', send: get('/503/only-some-requests/yes', 'x-retry: 1'), status: 200 },
    {
      name: 'five requests of which two are at once',
      send: get('/500/5xx/a') + get('/500/5xx/b'),
      methods: ['GET', 'GET'],
      status: [200, 200],
    },
  );
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        [
          httpListener({
            manager: routeConfig(routes(), {
              include_request_attempt_count: true,
              include_attempt_count_in_response: true,
              include_is_timeout_retry_header: true,
            }),
          }),
        ],
        [
          staticCluster('c', [c]),
          staticCluster('refused', [1]),
          staticCluster(
            'short',
            [c],
            httpProtocolOptions({
              common_http_protocol_options: { max_stream_duration: '0.06s' },
              explicit_http_config: { http_protocol_options: {} },
            }),
          ),
        ],
      ),
    counters:
      /^cluster\.(c|refused|short)\.(upstream_rq_(retry|timeout|per_try|total|\d|completed|pending)|retry_or_shadow_abandoned|upstream_cx_connect)/,
    cases,
  });
});

test("the request's own headers steer retries where Envoy lets them", async (t) => {
  const manager = (more: Json): Json => ({
    ...routeConfig([{ match: { prefix: '/' }, route: { cluster: 'c', timeout: '2s' } }], {
      include_request_attempt_count: true,
    }),
    ...more,
  });
  const sent: Record<string, [path: string, ...headers: string[]]> = {
    'retry on 5xx': ['/503/a', 'x-envoy-retry-on: 5xx'],
    'and three times': ['/always-503/b', 'x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 3'],
    'none after all': ['/503/c', 'x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 0'],
    'not a number': ['/503/d', 'x-envoy-retry-on: 5xx', 'x-envoy-max-retries: many'],
    'only a number': ['/503/e', 'x-envoy-max-retries: 2'],
    'retriable codes': [
      '/418/f',
      'x-envoy-retry-on: retriable-status-codes',
      'x-envoy-retriable-status-codes: 409, 418',
    ],
    'retriable headers': [
      '/marked/g',
      'x-envoy-retry-on: retriable-headers',
      'x-envoy-retriable-header-names: x-other,X-Again',
    ],
    grpc: ['/unavailable/h', 'x-envoy-retry-grpc-on: unavailable', 'content-type: application/grpc'],
    'per try timeout': ['/hang/i', 'x-envoy-retry-on: 5xx', 'x-envoy-upstream-rq-per-try-timeout-ms: 60'],
    timeout: ['/always-hang/j', 'x-envoy-upstream-rq-timeout-ms: 60'],
    'timeout and per try': [
      '/always-hang/k',
      'x-envoy-upstream-rq-timeout-ms: 150',
      'x-envoy-upstream-rq-per-try-timeout-ms: 100',
      'x-envoy-retry-on: gateway-error',
      'x-envoy-max-retries: 5',
    ],
    'per try beyond timeout': [
      '/500/l',
      'x-envoy-upstream-rq-timeout-ms: 100',
      'x-envoy-upstream-rq-per-try-timeout-ms: 500',
    ],
    'timeout that is no number': ['/500/m', 'x-envoy-upstream-rq-timeout-ms: soon'],
    'alternative stat name': ['/500/n', 'x-envoy-upstream-alt-stat-name: other'],
    'expected timeout': ['/500/o', 'x-envoy-expected-rq-timeout-ms: 60'],
  };
  const cases: Case[] = ['trusting', 'edge'].flatMap((listener) =>
    Object.entries(sent).map(([name, [path, ...headers]]) => ({
      name: `${listener}: ${name}`,
      listener,
      send: get(`${path}/${listener}`, ...headers),
    })),
  );
  await compare(t, {
    upstreams: { c: byPath({ '/always-hang/': hang, '/hang/': inTurn(hang, answer('second')), '/': upstream }) },
    bootstrap: ({ c }) =>
      bootstrap(
        [
          httpListener({
            name: 'trusting',
            manager: manager({
              internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
              use_remote_address: true,
            }),
          }),
          httpListener({
            name: 'edge',
            manager: manager({
              use_remote_address: true,
              internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
              ...routeConfig([{ match: { prefix: '/' }, route: { cluster: 'c', timeout: '0.3s' } }]),
            }),
          }),
        ],
        [staticCluster('c', [c])],
      ),
    counters: /^cluster\.c\.(other|internal|external)\.|^cluster\.c\.upstream_rq_(retry|timeout|per_try)/,
    cases,
  });
});

test('what comes while a retry is waited for is settled as by Envoy', async (t) => {
  /** Asks for so many seconds before it has the whole request. */
  const asksFor = (seconds: number) => (exchange: Exchange) =>
    exchange.write(responseText({ status: 429, headers: { 'retry-after': `${seconds}` }, body: '' }));
  const retry_policy = policy('retriable-status-codes', {
    retriable_status_codes: [429],
    rate_limited_retry_back_off: { reset_headers: [{ name: 'retry-after', format: 'SECONDS' }] },
  });
  /** More of the body comes when the retry is waited for. */
  const inPieces = (path: string, more: number, length: number): Case['send'] => {
    return async (wire, { proxy }) => {
      await wire.send(request(`POST ${path} HTTP/1.1`, ['host: a', `content-length: ${length}`], 'x'.repeat(500)));
      await proxy.statBecomes('cluster.c.circuit_breakers.default.remaining_retries', 2);
      await wire.send('y'.repeat(more));
    };
  };
  await compare(t, {
    upstreams: {
      c: byPath({
        '/': answer('at once'),
        '/short': asksFor(30),
        '/large': asksFor(30),
        '/small': inTurn(asksFor(1), answer('second')),
      }),
    },
    bootstrap: ({ c }) =>
      withRoutes(
        [
          routeTo('/short', 'c', { timeout: '0.2s', retry_policy }),
          routeTo('/', 'c', { timeout: '3s', retry_policy }, { request_body_buffer_limit: 1000 }),
        ],
        [staticCluster('c', [c], { circuit_breakers: { thresholds: [{ track_remaining: true }] } })],
      ),
    counters: /^cluster\.c\.(upstream_rq_|retry_or_shadow)/,
    cases: [
      { name: 'the timeout', send: get('/short'), status: 504 },
      { name: 'more than may be kept', send: inPieces('/large', 4500, 9000), status: 507 },
      { name: 'the rest', send: inPieces('/small', 200, 700), status: 200 },
    ],
  });
});
