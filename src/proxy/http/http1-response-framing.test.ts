import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { BY_CLOSE, BY_LENGTH, frameResponse, IN_CHUNKS } from '#proxy/http/http1-response-framing.ts';
import { Headers } from '#wire/headers.ts';

interface Response {
  code?: number;
  method?: string;
  protocol?: string;
  length?: string;
  end?: boolean;
}

function framed({ code = 200, method = 'GET', protocol = 'HTTP/1.1', length, end = false }: Response) {
  const responseHeaders = new Headers();
  if (length !== undefined) responseHeaders.add('content-length', length);
  const how = frameResponse({ responseHeaders, responseCode: code, method, protocol } as HttpStream, end);
  return [how, responseHeaders.encode('').trimEnd()];
}

test('a body ends by its length, in chunks, or with the connection', () => {
  assert.deepEqual(framed({ length: '5' }), [BY_LENGTH, 'content-length: 5']);
  assert.deepEqual(framed({ end: true }), [BY_LENGTH, 'content-length: 0']);
  assert.deepEqual(framed({}), [IN_CHUNKS, 'transfer-encoding: chunked']);
  assert.deepEqual(framed({ protocol: 'HTTP/1.0' }), [BY_CLOSE, '']);
});

test('a response that has no body whatever its head says has no framing, and a 204 no length', () => {
  for (const code of [101, 204, 304]) assert.deepEqual(framed({ code, end: true }), [BY_LENGTH, '']);
  assert.deepEqual(framed({ code: 204, length: '0', end: true }), [BY_LENGTH, '']);
  assert.deepEqual(framed({ code: 304, length: '7', end: true }), [BY_LENGTH, 'content-length: 7']);
});

test('HEAD is told what GET would be', () => {
  assert.deepEqual(framed({ method: 'HEAD', end: true }), [BY_LENGTH, 'transfer-encoding: chunked']);
  assert.deepEqual(framed({ method: 'HEAD', end: true, length: '9' }), [BY_LENGTH, 'content-length: 9']);
  assert.deepEqual(framed({ method: 'HEAD', end: true, protocol: 'HTTP/1.0' }), [BY_CLOSE, '']);
});
