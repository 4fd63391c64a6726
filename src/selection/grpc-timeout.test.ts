import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grpcTimeoutText, parseGrpcTimeout } from '#selection/grpc-timeout.ts';

test('a timeout is a number of at most 8 digits and a unit, and never shorter than it says', () => {
  const cases: [string | undefined, number | undefined][] = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['1500u', 2],
    ['1n', 1],
    ['0m', 0],
    ['99999999S', 99_999_999_000],
    ['100000000m', undefined],
    ['5', undefined],
    ['m', undefined],
    ['-1m', undefined],
    ['1.5S', undefined],
    ['1s', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseGrpcTimeout(text), expected, String(text));
});

test('what is too long for one unit is said in the next', () => {
  assert.equal(grpcTimeoutText(99_999_999), '99999999m');
  assert.equal(grpcTimeoutText(100_000_999), '100000S');
  assert.equal(grpcTimeoutText(100_000_000_000), '1666666M');
  assert.equal(grpcTimeoutText(6_000_000_000_000), '1666666H');
  assert.equal(grpcTimeoutText(1e18), '99999999H');
});
