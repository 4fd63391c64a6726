import assert from 'node:assert/strict';
import test from 'node:test';
import type { RetryPolicy, RouteAction } from '#config/model/route.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { type RequestTimeouts, readTimeouts, tellTimeout } from '#proxy/http/router/timeouts.ts';
import { headersOf } from '#testing/stream-info.ts';

const GLOBAL = 'x-envoy-upstream-rq-timeout-ms';
const PER_TRY = 'x-envoy-upstream-rq-per-try-timeout-ms';
const EXPECTED = 'x-envoy-expected-rq-timeout-ms';

/** @returns both timeouts, and the fields that go on. */
function apply(
  timeout: number,
  perTry: number,
  fields: Record<string, string> = {},
  router: Partial<RouterConfig> = {},
  action: Partial<RouteAction> = {},
  elapsed = 0,
) {
  const requestHeaders = headersOf(fields);
  const stream = { requestHeaders } as HttpStream;
  const result: RequestTimeouts = { global: 0, perTry: 0, perTryIdle: 0, hedged: false, tellsGrpc: false };
  readTimeouts(
    stream,
    { timeout, ...action } as RouteAction,
    { retryPolicy: { perTryTimeout: perTry } as RetryPolicy },
    router as RouterConfig,
    result,
  );
  tellTimeout(requestHeaders, result, router as RouterConfig, elapsed);
  return { global: result.global, perTry: result.perTry, fields: Object.fromEntries(requestHeaders.entries()) };
}

test("the route's timeout holds, and the upstream is told of it", () => {
  assert.deepEqual(apply(15_000, 0), { global: 15_000, perTry: 0, fields: { [EXPECTED]: '15000' } });
  assert.deepEqual(apply(15_000, 500), { global: 15_000, perTry: 500, fields: { [EXPECTED]: '500' } });
});

test('no timeout is told of as none', () => {
  assert.deepEqual(apply(0, 0), { global: 0, perTry: 0, fields: {} });
  assert.deepEqual(apply(0, 300), { global: 0, perTry: 300, fields: { [EXPECTED]: '300' } });
});

test('headers of the request take the place of what is configured, and go no further', () => {
  const asked = { [GLOBAL]: '2000', [PER_TRY]: '100' };
  assert.deepEqual(apply(15_000, 500, asked), { global: 2000, perTry: 100, fields: { [EXPECTED]: '100' } });
  assert.equal(apply(15_000, 500, { [GLOBAL]: '0' }).global, 0);
});

test('what is no number is not believed, and goes no further either', () => {
  for (const value of ['', 'x', '-5', '1.5', '5s', '9'.repeat(30)]) {
    const asked = { [GLOBAL]: value, [PER_TRY]: value };
    assert.deepEqual(apply(15_000, 500, asked), { global: 15_000, perTry: 500, fields: { [EXPECTED]: '500' } }, value);
  }
  assert.equal(apply(15_000, 0, { [GLOBAL]: '+5' }).global, 5);
});

test('a timeout for each try that is not below the whole one is none', () => {
  assert.equal(apply(1000, 1000).perTry, 0);
  assert.equal(apply(1000, 2000).perTry, 0);
  assert.equal(apply(1000, 999).perTry, 999);
});

test('x-envoy-expected-rq-timeout-ms is believed only where the router says so', () => {
  const asked = { [EXPECTED]: '700' };
  assert.equal(apply(15_000, 0, asked).global, 15_000);
  assert.equal(apply(15_000, 0, asked, { respectExpectedRqTimeout: true }).global, 700);
  assert.equal(apply(15_000, 0, { ...asked, [GLOBAL]: '800' }, { respectExpectedRqTimeout: true }).global, 800);
});

test('suppress_envoy_headers keeps the upstream from being told', () => {
  assert.deepEqual(apply(15_000, 0, {}, { suppressEnvoyHeaders: true }).fields, {});
});

test('with hedging the upstream has the whole time', () => {
  const { fields } = apply(15_000, 500, { 'x-envoy-hedge-on-per-try-timeout': 'true' });
  assert.equal(fields[EXPECTED], '15000');
  assert.equal(apply(0, 500, { 'x-envoy-hedge-on-per-try-timeout': 'true' }).fields[EXPECTED], undefined);
});

test('the next attempt has the time that is left', () => {
  const told = (perTry: number, elapsed: number) => apply(1000, perTry, {}, {}, {}, elapsed).fields[EXPECTED];
  assert.equal(told(0, 300), '700');
  assert.equal(told(500, 300), '500');
  assert.equal(told(500, 600), '400');
  assert.equal(told(500, 1000), '1');
});

test('a gRPC call has the time that its caller gives it, as far as max_grpc_timeout lets it', () => {
  const call = (asked: string | undefined, action: Partial<RouteAction>) => {
    const fields = { 'content-type': 'application/grpc', ...(asked === undefined ? {} : { 'grpc-timeout': asked }) };
    const { global, fields: after } = apply(15_000, 0, fields, {}, action);
    return [global, after['grpc-timeout']];
  };
  assert.deepEqual(call('2S', {}), [15_000, '2S']);
  assert.deepEqual(call('2S', { maxGrpcTimeout: 0 }), [2000, '2000m']);
  assert.deepEqual(call('2S', { maxGrpcTimeout: 500 }), [500, '500m']);
  assert.deepEqual(call(undefined, { maxGrpcTimeout: 500 }), [500, '500m']);
  assert.deepEqual(call(undefined, { maxGrpcTimeout: 0 }), [0, undefined]);
  assert.deepEqual(call('2S', { maxGrpcTimeout: 0, grpcTimeoutOffset: 300 }), [1700, '1700m']);
  assert.deepEqual(call('100m', { maxGrpcTimeout: 0, grpcTimeoutOffset: 300 }), [100, '100m']);
  assert.equal(apply(15_000, 0, { 'grpc-timeout': '2S' }, {}, { maxGrpcTimeout: 0 }).global, 15_000);
});
