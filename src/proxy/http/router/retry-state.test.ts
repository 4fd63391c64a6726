import assert from 'node:assert/strict';
import test from 'node:test';
import type { HeaderMatcher } from '#config/model/matchers.ts';
import type { RetryPolicy } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { ResponseAccount, RetryStat } from '#proxy/http/router/response-account.ts';
import { RetryState, type RetryVerdict, retryConditions } from '#proxy/http/router/retry-state.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import { RuntimeView } from '#selection/runtime-view.ts';
import { headersOf } from '#testing/stream-info.ts';

/** A policy with Envoy's defaults, but for what the test says. */
function policyOf(changes: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    retryOn: [],
    numRetries: 1,
    perTryTimeout: 0,
    perTryIdleTimeout: 0,
    retriableStatusCodes: [],
    retriableHeaders: [],
    retriableRequestHeaders: [],
    backOff: { baseInterval: 25, maxInterval: 250 },
    retryHostPredicates: [],
    hostSelectionRetryMaxAttempts: 1,
    ...changes,
  };
}

function runtimeOf(numbers: Record<string, number>): RuntimeView {
  const values = Object.entries(numbers).map(([key, number]) => [key, { raw: `${number}`, number }]);
  return new RuntimeView({ layers: [], values: Object.fromEntries(values) });
}

const present = (name: string): HeaderMatcher =>
  ({ name, match: { kind: 'present', present: true }, invert: false, treatMissingAsEmpty: false }) as HeaderMatcher;

interface Given {
  policy?: Partial<RetryPolicy>;
  asked?: Record<string, string>;
  /** Retries that the circuit breaker lets happen at once. */
  breaker?: number;
  runtime?: Record<string, number>;
}

function setup({ policy, asked = {}, breaker = 3, runtime = {} }: Given) {
  const under = { way: 0 };
  const stats: RetryStat[] = [];
  const retries = { canCreate: () => under.way < breaker, inc: () => under.way++, dec: () => under.way-- };
  const counter = { inc() {} };
  const cluster = {
    breakers: { DEFAULT: { retries } },
    worker: { runtime: runtimeOf(runtime), random: { uint32: () => 50 } },
    stats: { upstreamRqRetryBackoffRatelimited: counter, upstreamRqRetryBackoffExponential: counter },
  } as unknown as Cluster;
  const account = { retry: (stat: RetryStat) => stats.push(stat) } as unknown as ResponseAccount;
  const requestHeaders = headersOf(asked);
  const stream = { requestHeaders } as HttpStream;
  const state = RetryState.of(stream, cluster, account, policy && policyOf(policy), 'DEFAULT', 0);
  return { state, stats, under, left: requestHeaders.entries() };
}

const answer = (given: Given, status: number, fields = {}): RetryVerdict | undefined =>
  setup(given).state?.onResponse(status, headersOf(fields), 0);
const on = (...retryOn: string[]): Given => ({ policy: { retryOn } });

test('with hedging a timeout is tried again whatever the policy names, as long as there are retries', () => {
  const { state, stats } = setup(on('connect-failure'));
  assert.deepEqual([state?.onSoftTimeout(), state?.onSoftTimeout()], ['yes', 'no_limit_exceeded']);
  assert.deepEqual(stats, ['upstreamRqRetryLimitExceeded']);
});

test('without a policy and without headers nothing is tried again', () => {
  assert.equal(setup({}).state, undefined);
  assert.equal(setup(on()).state, undefined);
  assert.equal(setup(on('unheard-of')).state, undefined);
});

test('words are taken with blanks around them, in lower case alone, and unknown ones passed over', () => {
  assert.equal(retryConditions([' 5xx ', 'x']), retryConditions(['5xx']));
  assert.equal(retryConditions(['5XX']), 0);
});

const ANSWERS: [condition: string, yes: number[], no: number[]][] = [
  ['5xx', [500, 503, 599], [200, 404, 499]],
  ['gateway-error', [502, 503, 504], [500, 501, 505]],
  ['retriable-4xx', [409], [400, 404, 503]],
  ['connect-failure', [], [500, 503]],
  ['reset', [], [503]],
  ['reset-before-request', [], [503]],
  ['refused-stream', [], [503]],
];

for (const [condition, yes, no] of ANSWERS) {
  test(`${condition} tries again after ${yes.join(', ') || 'no answer'}`, () => {
    for (const status of yes) assert.equal(answer(on(condition), status), 'yes', `${status}`);
    for (const status of no) assert.equal(answer(on(condition), status), 'no', `${status}`);
  });
}

const CONNECT_FAILURES: ResetReason[] = [
  'connection_failure',
  'remote_connection_failure',
  'local_connection_failure',
  'connection_timeout',
];
const OTHERS: ResetReason[] = [
  'connection_termination',
  'remote_reset',
  'remote_refused_stream_reset',
  'protocol_error',
];

test('refused-stream tries again where an HTTP/2 host did not take the request up', () => {
  const verdict = (reason: ResetReason) => setup(on('refused-stream')).state?.onReset(reason, true);
  assert.equal(verdict('remote_refused_stream_reset'), 'yes');
  for (const reason of ['remote_reset', 'connection_termination'] as const) assert.equal(verdict(reason), 'no');
});

for (const [condition, afterConnectFailures, afterOthers] of [
  ['5xx', 'yes', 'yes'],
  ['gateway-error', 'yes', 'yes'],
  ['reset', 'yes', 'yes'],
  ['connect-failure', 'yes', 'no'],
  ['retriable-4xx', 'no', 'no'],
]) {
  test(`${condition}: ${afterConnectFailures} where no connection came about, ${afterOthers} where it broke`, () => {
    const verdict = (reason: ResetReason) => setup(on(condition)).state?.onReset(reason, true);
    for (const reason of CONNECT_FAILURES) assert.equal(verdict(reason), afterConnectFailures, reason);
    for (const reason of OTHERS) assert.equal(verdict(reason), afterOthers, reason);
    assert.equal(verdict('overflow'), 'no');
  });
}

test('reset-before-request tries again while nothing was sent', () => {
  assert.equal(setup(on('reset-before-request')).state?.onReset('connection_termination', false), 'yes');
  assert.equal(setup(on('reset-before-request')).state?.onReset('connection_termination', true), 'no');
});

test('a try that took too long counts as a gateway error', () => {
  for (const condition of ['5xx', 'gateway-error', 'reset'])
    assert.equal(setup(on(condition)).state?.onPerTryTimeout(), 'yes', condition);
  assert.equal(setup(on('connect-failure')).state?.onPerTryTimeout(), 'no');
});

test('status codes and headers of answers that the policy or the request names', () => {
  const codes = { retryOn: ['retriable-status-codes'], retriableStatusCodes: [404] };
  const asked = { 'x-envoy-retriable-status-codes': '418, +419,0x1f7,x,503.0' };
  for (const status of [404, 418, 419]) assert.equal(answer({ policy: codes, asked }, status), 'yes', `${status}`);
  assert.equal(answer({ policy: codes, asked }, 503), 'no');
  const headers = { retryOn: ['retriable-headers'], retriableHeaders: [present('x-again')] };
  const names = { 'x-envoy-retriable-header-names': 'X-Busy, x-later' };
  assert.equal(answer({ policy: headers, asked: names }, 200, { 'x-again': '' }), 'yes');
  assert.equal(answer({ policy: headers, asked: names }, 200, { 'x-busy': '' }), 'yes');
  assert.equal(answer({ policy: headers, asked: names }, 200, { 'x-other': '' }), 'no');
});

test('gRPC statuses in the head of an answer', () => {
  for (const [condition, code] of [
    ['cancelled', '1'],
    ['deadline-exceeded', '4'],
    ['resource-exhausted', '8'],
    ['internal', '13'],
    ['unavailable', '14'],
  ]) {
    assert.equal(answer(on(condition), 200, { 'grpc-status': code }), 'yes', condition);
    assert.equal(answer(on(condition), 200, { 'grpc-status': '2' }), 'no', condition);
    assert.equal(answer(on(condition), 200), 'no', condition);
  }
});

test('an answer that was rate limited is tried again only where envoy-ratelimited says so', () => {
  const limited = { 'x-envoy-ratelimited': 'true' };
  assert.equal(answer(on('5xx'), 503, limited), 'no');
  assert.equal(answer(on('envoy-ratelimited'), 429, limited), 'yes');
});

test('headers ask for retries, gRPC words apart from others, and are taken out of the request', () => {
  const asked = {
    'x-envoy-retry-on': '5xx,unavailable',
    'x-envoy-retry-grpc-on': 'internal, reset',
    'x-envoy-max-retries': '2',
    'x-envoy-retriable-status-codes': '404',
    'x-envoy-retriable-header-names': 'a',
    'x-other': '1',
  };
  const { state, left } = setup({ asked });
  assert.equal(state?.conditions, retryConditions(['5xx', 'internal']));
  assert.deepEqual(left, [['x-other', '1']]);
});

test('x-envoy-max-retries takes the place of num_retries where it is a number', () => {
  const retries = (value: string) => {
    const { state } = setup({ policy: { retryOn: ['5xx'], numRetries: 4 }, asked: { 'x-envoy-max-retries': value } });
    let count = 0;
    while (count < 10 && state?.onResponse(503, headersOf(), 0) === 'yes') count++;
    return count;
  };
  for (const [value, count] of [
    ['0', 0],
    ['2', 2],
    ['+2', 2],
    ['002', 2],
    ['4294967297', 1],
    ['-1', 4],
    ['2.0', 4],
    ['x', 4],
  ] as const)
    assert.equal(retries(value), count, value);
});

test('retriable_request_headers hold for what headers ask for too', () => {
  const policy = { retryOn: ['5xx'], retriableRequestHeaders: [present('x-yes')] };
  assert.equal(setup({ policy, asked: { 'x-envoy-retry-on': 'reset' } }).state, undefined);
  assert.notEqual(setup({ policy, asked: { 'x-yes': '1' } }).state, undefined);
});

test('a retry is counted when its wait is over, and with it what became of it', () => {
  const { state, stats, under } = setup(on('5xx'));
  assert.equal(state?.onResponse(503, headersOf(), 0), 'yes');
  assert.equal(under.way, 1);
  assert.deepEqual(stats, []);
  state?.begins();
  assert.equal(state?.onResponse(200, headersOf(), 0), 'no');
  assert.equal(under.way, 0);
  assert.deepEqual(stats, ['upstreamRqRetry', 'upstreamRqRetrySuccess']);
});

test('after the last retry, or where the circuit breaker is open, it ends', () => {
  const spent = setup(on('5xx'));
  assert.equal(spent.state?.onResponse(503, headersOf(), 0), 'yes');
  spent.state?.begins();
  assert.equal(spent.state?.onResponse(503, headersOf(), 0), 'no_limit_exceeded');
  assert.deepEqual(spent.stats, ['upstreamRqRetry', 'upstreamRqRetryLimitExceeded']);
  assert.equal(spent.under.way, 0);
  const open = setup({ ...on('5xx'), breaker: 0 });
  assert.equal(open.state?.onResponse(503, headersOf(), 0), 'no_overflow');
  assert.deepEqual(open.stats, ['upstreamRqRetryOverflow']);
});

test('waits double from the base to the maximum, with full jitter', () => {
  const policy = { retryOn: ['5xx'], numRetries: 9, backOff: { baseInterval: 10, maxInterval: 50 } };
  const { state } = setup({ policy });
  const most: number[] = [];
  for (let i = 0; i < 5; i++) {
    assert.equal(state?.onResponse(503, headersOf(), 0), 'yes');
    const waits = Array.from({ length: 200 }, (_, random) => state?.backOff(random) ?? -1);
    assert.equal(Math.min(...waits), 0);
    most.push(Math.max(...waits) + 1);
  }
  assert.deepEqual(most, [10, 20, 40, 50, 50]);
});

test('the runtime says how long is waited where no policy does, and which share is tried again at all', () => {
  const policy = { retryOn: ['5xx'], numRetries: 9, backOff: undefined };
  const most = (runtime: Record<string, number>) => {
    const { state } = setup({ policy, runtime });
    return Array.from({ length: 9 }, () => {
      state?.onResponse(503, headersOf(), 0);
      return Math.max(...Array.from({ length: 200 }, (_, random) => state?.backOff(random) ?? -1)) + 1;
    }).join(' ');
  };
  assert.equal(most({}), '25 50 100 200 200 200 200 200 200');
  assert.equal(most({ 'upstream.base_retry_backoff_ms': 4 }), '4 8 16 32 40 40 40 40 40');
  const { state, stats, under } = setup({ policy, runtime: { 'upstream.use_retry': 50 } });
  assert.deepEqual([state?.onResponse(503, headersOf(), 0), stats, under.way], ['no', [], 0]);
  assert.equal(answer({ policy, runtime: { 'upstream.use_retry': 51 } }, 503), 'yes');
});

test('an answer may ask for a wait, in seconds or until a time, up to the maximum', () => {
  const resetHeaders = [
    { name: 'retry-after', format: 'SECONDS' as const },
    { name: 'x-reset', format: 'UNIX_TIMESTAMP' as const },
  ];
  const wait = (fields: Record<string, string>) => {
    const { state } = setup({
      policy: { retryOn: ['5xx'], rateLimitedBackOff: { resetHeaders, maxInterval: 10_000 } },
    });
    state?.onResponse(503, headersOf(fields), 1_000_000);
    const first = state?.backOff(0);
    state?.begins();
    return [first, state?.backOff(0)];
  };
  assert.deepEqual(wait({ 'retry-after': '2' }), [2000, 0]);
  assert.deepEqual(wait({ 'x-reset': '1003' }), [3000, 0]);
  const tooLongOrWrong: [string, string][] = [
    ['retry-after', '11'],
    ['retry-after', '0'],
    ['retry-after', 'x'],
    ['x-reset', '999'],
  ];
  for (const [name, value] of tooLongOrWrong) assert.deepEqual(wait({ [name]: value }), [0, 0], value);
  assert.deepEqual(wait({}), [0, 0]);
});

test('predicates keep a retry from hosts that were tried, and from canaries', () => {
  const host = { canary: false } as Host;
  const canary = { canary: true } as Host;
  const predicate = (name: string) => ({ name: `envoy.retry_host_predicates.${name}`, config: undefined });
  const choice = (...names: string[]) =>
    setup({
      policy: { retryOn: ['5xx'], retryHostPredicates: names.map(predicate), hostSelectionRetryMaxAttempts: 7 },
    }).state?.hostChoice([host], undefined);
  assert.equal(choice(), undefined);
  const tried = choice('previous_hosts');
  assert.equal(tried?.hostSelectionRetryCount, 7);
  assert.equal(tried?.shouldSelectAnotherHost?.(host), true);
  assert.equal(tried?.shouldSelectAnotherHost?.(canary), false);
  assert.equal(choice('omit_canary_hosts')?.shouldSelectAnotherHost?.(canary), true);
  assert.equal(choice('omit_canary_hosts')?.shouldSelectAnotherHost?.(host), false);
});
