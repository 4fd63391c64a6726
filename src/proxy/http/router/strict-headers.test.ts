import assert from 'node:assert/strict';
import test from 'node:test';
import { invalidEnvoyHeader } from '#proxy/http/router/strict-headers.ts';
import { headersOf } from '#testing/stream-info.ts';

const NUMBERS = ['x-envoy-upstream-rq-timeout-ms', 'x-envoy-upstream-rq-per-try-timeout-ms', 'x-envoy-max-retries'];
const isValid = (name: string, value: string) => invalidEnvoyHeader(headersOf({ [name]: value }), [name]) === undefined;

test('numbers are whole, not negative, and of 64 bits', () => {
  for (const name of NUMBERS) {
    for (const value of ['0', '5', '+5', '007', '18446744073709551615']) assert.ok(isValid(name, value), value);
    for (const value of ['', '-5', '5x', '5.5', '0x5', '18446744073709551616', '9'.repeat(40)])
      assert.ok(!isValid(name, value), value);
  }
});

test('conditions are those that the header is for; empty words do not matter', () => {
  for (const value of ['5xx', 'reset, 5xx', '', ',', 'reset,,5xx'])
    assert.ok(isValid('x-envoy-retry-on', value), value);
  for (const value of ['unavailable', '5xx,x', '5XX']) assert.ok(!isValid('x-envoy-retry-on', value), value);
  for (const value of ['unavailable', 'internal,cancelled']) assert.ok(isValid('x-envoy-retry-grpc-on', value), value);
  for (const value of ['5xx', 'internal,reset']) assert.ok(!isValid('x-envoy-retry-grpc-on', value), value);
});

test('only headers that are named are looked at, and the first bad one of them is told', () => {
  const headers = headersOf({ 'x-envoy-max-retries': 'x', 'x-envoy-retry-on': 'y' });
  assert.equal(invalidEnvoyHeader(headers, []), undefined);
  assert.equal(invalidEnvoyHeader(headersOf(), NUMBERS), undefined);
  const found = invalidEnvoyHeader(headers, ['x-envoy-retry-on', 'x-envoy-max-retries']);
  assert.deepEqual(found, { name: 'x-envoy-retry-on', value: 'y' });
});
