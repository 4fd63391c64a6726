import assert from 'node:assert/strict';
import test from 'node:test';
import { Headers } from '#wire/headers.ts';
import { CHUNKED, connectionOptions, framing, NO_LENGTH } from '#wire/http1/framing.ts';
import { ParseError } from '#wire/http1/parse-error.ts';

function headersOf(...fields: [string, string][]): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.add(name, value);
  return headers;
}

const length = (value: string): [string, string] => ['content-length', value];
const coding = (value: string): [string, string] => ['transfer-encoding', value];

const CASES: [fields: [string, string][], outcome: number][] = [
  [[], NO_LENGTH],
  [[length('0')], 0],
  [[length('3')], 3],
  [[length('003')], 3],
  [[length('999999999999999')], 999_999_999_999_999],
  [[length('1000000000000000')], ParseError.BadContentLength],
  [[length('')], ParseError.BadContentLength],
  [[length('+3')], ParseError.BadContentLength],
  [[length('-3')], ParseError.BadContentLength],
  [[length('0x3')], ParseError.BadContentLength],
  [[length('3 3')], ParseError.BadContentLength],
  [[length('3,3')], ParseError.BadContentLength],
  [[length('3.0')], ParseError.BadContentLength],
  [[length('\xb3')], ParseError.BadContentLength],
  [[length('3'), length('3')], ParseError.BadContentLength],
  [[length('3'), length('4')], ParseError.BadContentLength],
  [[coding('chunked')], CHUNKED],
  [[coding('Chunked')], CHUNKED],
  [[coding('')], ParseError.BadTransferEncoding],
  [[coding('gzip, chunked')], ParseError.BadTransferEncoding],
  [[coding('chunked, chunked')], ParseError.BadTransferEncoding],
  [[coding('chunked;q=1')], ParseError.BadTransferEncoding],
  [[coding('identity')], ParseError.BadTransferEncoding],
  [[coding('chunked'), coding('chunked')], ParseError.BadTransferEncoding],
  [[coding('chunked'), coding('identity')], ParseError.BadTransferEncoding],
  [[coding('chunked'), length('3')], ParseError.LengthAndChunked],
  [[length('0'), coding('chunked')], ParseError.LengthAndChunked],
];

for (const [fields, outcome] of CASES) {
  const told = fields.map(([name, value]) => `${name}: ${value}`).join(' and ') || 'no field';
  test(`${told} makes ${outcome}`, () => assert.equal(framing(headersOf(...fields), false), outcome));
}

test('allow_chunked_length drops every length beside chunked, and nothing else', () => {
  const headers = headersOf(length('3'), coding('chunked'), length('4'));
  assert.equal(framing(headers, true), CHUNKED);
  assert.deepEqual(headers.entries(), [coding('chunked')]);
  assert.equal(framing(headersOf(length('3'), coding('gzip')), true), ParseError.BadTransferEncoding);
  assert.equal(framing(headersOf(length('3'), length('3')), true), ParseError.BadContentLength);
});

test('a length that stands with another name twice is still one length', () => {
  assert.equal(framing(headersOf(['cookie', 'a'], ['cookie', 'b'], length('3')), false), 3);
});

test('connection: what it asks for, and which fields it names', () => {
  const options = (...values: string[]) =>
    connectionOptions(headersOf(...values.map((v): [string, string] => ['connection', v])));
  const none = { close: false, keepAlive: false, upgrade: false, nominated: [] };
  assert.deepEqual(options(), none);
  assert.deepEqual(options(''), none);
  assert.deepEqual(options('close'), { ...none, close: true });
  assert.deepEqual(options('Close'), { ...none, close: true });
  assert.deepEqual(options('Keep-Alive'), { ...none, keepAlive: true });
  assert.deepEqual(options('KEEP-ALIVE'), { ...none, keepAlive: true });
  assert.deepEqual(options(' upgrade ,X-A,, x-b'), { ...none, upgrade: true, nominated: ['x-a', 'x-b'] });
  assert.deepEqual(options('x-a', 'close'), { ...none, close: true, nominated: ['x-a'] });
});
