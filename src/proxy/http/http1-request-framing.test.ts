import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { asksProxyToClose, frameRequest, isFramed } from '#proxy/http/http1-request-framing.ts';
import { Headers } from '#wire/headers.ts';
import { CHUNKED, NO_LENGTH } from '#wire/http1/framing.ts';
import { ParseError } from '#wire/http1/parse-error.ts';

function headers(...fields: [name: string, value: string][]): Headers {
  const all = new Headers();
  for (const [name, value] of fields) all.add(name, value);
  return all;
}

function framed(minor: number, fields: Headers, options: Partial<Http1ProtocolOptions> = {}): number {
  return frameRequest(fields, minor, { acceptHttp10: true, allowChunkedLength: false, ...options } as never);
}

test('a length, chunks and neither are told apart from what is wrong', () => {
  const length = framed(1, headers(['content-length', '5']));
  assert.equal(length, 5);
  assert.equal(framed(1, headers(['transfer-encoding', 'chunked'])), CHUNKED);
  assert.equal(framed(1, headers()), NO_LENGTH);
  assert.ok([length, CHUNKED, NO_LENGTH].every(isFramed));
  assert.ok(!isFramed(framed(1, headers(['content-length', 'x']))));
});

test('what only newer messages may say is refused in older ones, and those where they are not wanted', () => {
  assert.equal(framed(0, headers(['transfer-encoding', 'chunked'])), ParseError.BadTransferEncoding);
  assert.equal(framed(0, headers(), { acceptHttp10: false }), ParseError.OldVersion);
  assert.equal(framed(1, headers(['host', 'a'], ['host', 'b'])), ParseError.ConflictingHost);
});

test('proxy-connection may ask to close', () => {
  assert.ok(asksProxyToClose(headers(['proxy-connection', 'keep-alive, Close'])));
  assert.ok(!asksProxyToClose(headers(['proxy-connection', 'closed'])));
  assert.ok(!asksProxyToClose(headers()));
});
