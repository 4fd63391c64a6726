import assert from 'node:assert/strict';
import test from 'node:test';
import { grpcStatusOf, isServiceError, percentEncoded } from '#selection/grpc-status.ts';

test("HTTP statuses in gRPC's words", () => {
  const expected = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14, 200: 2, 418: 2, 500: 2 };
  for (const [http, grpc] of Object.entries(expected)) assert.equal(grpcStatusOf(Number(http)), grpc, http);
});

test('messages have what is not visible ASCII, and the percent sign, as percent and two digits', () => {
  assert.equal(percentEncoded('no route: 100%'), 'no route: 100%25');
  assert.equal(percentEncoded('a\nb\x7f\xc3\xa9~ '), 'a%0Ab%7F%C3%A9~ ');
});

test('errors of the service are told from those of the caller', () => {
  const failed = Array.from({ length: 20 }, (_, code) => code).filter((code) => isServiceError(String(code)));
  assert.deepEqual(failed, [2, 4, 12, 13, 14, 15, 17, 18, 19]);
  for (const none of [undefined, '', 'x', '-1']) assert.equal(isServiceError(none), true);
});
