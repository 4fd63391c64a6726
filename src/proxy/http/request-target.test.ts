import assert from 'node:assert/strict';
import test from 'node:test';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { applyTarget } from '#proxy/http/request-target.ts';
import { headersOf } from '#testing/stream-info.ts';
import { connectionOptions } from '#wire/http1/framing.ts';
import { ParseError } from '#wire/http1/parse-error.ts';

interface Given {
  method?: string;
  allowAbsoluteUrl?: boolean;
  fields?: Record<string, string>;
}

function apply(path: string, { method = 'GET', allowAbsoluteUrl = true, fields = {} }: Given = {}) {
  const requestHeaders = headersOf(fields);
  const stream = { method, path, host: 'given.test', scheme: '', requestHeaders } as HttpStream;
  const config = { http1: { allowAbsoluteUrl } } as HttpConnectionManager;
  const error = applyTarget(stream, config, connectionOptions(requestHeaders));
  return { error, host: stream.host, path: stream.path, scheme: stream.scheme, fields: requestHeaders.entries() };
}

test('a path stays as it is', () => {
  const { error, host, path } = apply('//a/../b?c');
  assert.deepEqual({ error, host, path }, { error: 0, host: 'given.test', path: '//a/../b?c' });
});

test("an absolute form's host and path take the place of what the request says else", () => {
  const { error, host, path, scheme } = apply('HTTPS://u:p@other.test:8/a?b');
  assert.deepEqual({ error, host, path, scheme }, { error: 0, host: 'other.test:8', path: '/a?b', scheme: 'https' });
});

test('where absolute forms are not allowed they are taken for a path, which then is refused as one', () => {
  const { error, host, path } = apply('http://other.test/a', { allowAbsoluteUrl: false });
  assert.deepEqual({ error, host, path }, { error: 0, host: 'given.test', path: 'http://other.test/a' });
  assert.equal(apply('a', { allowAbsoluteUrl: false }).error, ParseError.BadTarget);
});

test('CONNECT names a host with its port, and has no path', () => {
  const { error, host, path } = apply('other.test:443', { method: 'CONNECT', allowAbsoluteUrl: false });
  assert.deepEqual({ error, host, path }, { error: 0, host: 'other.test:443', path: '' });
  assert.equal(apply('/a', { method: 'CONNECT' }).error, ParseError.InvalidUrl);
});

test('the asterisk is for OPTIONS alone', () => {
  assert.equal(apply('*', { method: 'OPTIONS' }).error, 0);
  assert.equal(apply('*').error, ParseError.InvalidUrl);
});

test('fields that connection names are removed, but for te; those that trust hangs on are a reason to refuse', () => {
  const fields = { connection: 'X-A, te, cookie', 'x-a': '1', te: 'trailers', cookie: 'a', 'x-b': '2' };
  assert.deepEqual(apply('/', { fields }).fields, [
    ['connection', 'X-A, te, cookie'],
    ['te', 'trailers'],
    ['x-b', '2'],
  ]);
  for (const name of ['host', 'Content-Length', 'transfer-encoding', 'x-forwarded-for', 'X-Forwarded-Proto', ':path'])
    assert.equal(apply('/', { fields: { connection: `close, ${name}` } }).error, ParseError.NominatedField, name);
});
