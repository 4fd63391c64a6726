import assert from 'node:assert/strict';
import test from 'node:test';
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { encodeRequestHead, requestLineLength } from '#proxy/upstream/http1-request-head.ts';
import { Headers } from '#wire/headers.ts';
import { parseFields } from '#wire/http1/fields.ts';
import { Known } from '#wire/known-headers.ts';

type Format = Http1ProtocolOptions['headerFormat'];

function streamOf(listener: Format, host = 'a.test'): HttpStream {
  const bytes = Buffer.from(`hOST: ${host}\r\nX-oNE: 1\r\nTransfer-Encoding: chunked\r\n\r\n`);
  const requestHeaders = new Headers();
  parseFields(bytes, 0, bytes.length, 0, requestHeaders, 9);
  requestHeaders.text = bytes.latin1Slice();
  if (host !== '') requestHeaders.removeKnown(Known.host);
  requestHeaders.removeKnown(Known['transfer-encoding']);
  requestHeaders.add('x-new', '2');
  const manager = { config: { http1: { headerFormat: listener } } };
  return { method: 'POST', path: '/p', host, scheme: 'http', requestHeaders, manager } as unknown as HttpStream;
}

const options = (headerFormat: Format, sendFullyQualifiedUrl = false) =>
  ({ headerFormat, sendFullyQualifiedUrl }) as Http1ProtocolOptions;
const CHUNKED = 'transfer-encoding: chunked\r\n';
const encoded = (listener: Format, cluster: Format) => encodeRequestHead(streamOf(listener), options(cluster), CHUNKED);
const LINE = 'POST /p HTTP/1.1\r\n';
const LOWER = `${LINE}host: a.test\r\nx-one: 1\r\nx-new: 2\r\ntransfer-encoding: chunked\r\n\r\n`;
const PROPER = `${LINE}Host: a.test\r\nX-One: 1\r\nX-New: 2\r\nTransfer-Encoding: chunked\r\n\r\n`;
const KEPT = `${LINE}hOST: a.test\r\nX-oNE: 1\r\nx-new: 2\r\nTransfer-Encoding: chunked\r\n\r\n`;

test("names are spelled as the cluster's format says, and in lower case where it would keep what no listener kept", () => {
  for (const listener of ['lower', 'proper_case_words'] as const) {
    assert.equal(encoded(listener, 'lower'), LOWER);
    assert.equal(encoded(listener, 'proper_case_words'), PROPER);
    assert.equal(encoded(listener, 'preserve_case'), LOWER);
  }
});

test("a listener that keeps case has its clients' spelling passed on, whatever the cluster's format", () => {
  for (const cluster of ['lower', 'proper_case_words', 'preserve_case'] as const)
    assert.equal(encoded('preserve_case', cluster), KEPT);
});

test('an empty host is written once, and stays for who reads the fields', () => {
  const stream = streamOf('lower', '');
  const head = encodeRequestHead(stream, options('lower'), '');
  assert.equal(head, `${LINE}host: \r\nx-one: 1\r\nx-new: 2\r\n\r\n`);
  assert.equal(stream.requestHeaders.get('host'), '');
});

test('the whole URL is the target where the cluster asks for it', () => {
  const head = encodeRequestHead(streamOf('lower'), options('lower', true), '');
  assert.ok(head.startsWith('POST http://a.test/p HTTP/1.1\r\n'));
});

test('the length of the request line is told with its line end', () => {
  for (const whole of [false, true]) {
    const head = encodeRequestHead(streamOf('lower'), options('lower', whole), '');
    assert.equal(requestLineLength(streamOf('lower'), options('lower', whole)), head.indexOf('\r\n') + 2);
  }
});
