import assert from 'node:assert/strict';
import test from 'node:test';
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { encodeInterimHead, encodeResponseHead } from '#proxy/http/http1-response-head.ts';
import { headersOf } from '#testing/stream-info.ts';
import { parseFields } from '#wire/http1/fields.ts';

interface Given {
  listener: Http1ProtocolOptions['headerFormat'];
  /** The cluster's; undefined where there is none. */
  cluster?: Partial<Http1ProtocolOptions>;
  /** The answer came over the wire. */
  received?: boolean;
  stream?: Partial<HttpStream>;
}

function encoded({ listener, cluster, received = true, stream }: Given): string {
  const headers = headersOf({ 'content-type': 'text/plain' });
  if (received) {
    const bytes = Buffer.from('X-oNE: \xe9\r\n\r\n', 'latin1');
    headers.clear();
    parseFields(bytes, 0, bytes.length, 0, headers, 9);
    headers.text = bytes.latin1Slice();
  }
  const whole = {
    responseCode: 404,
    responseReason: 'Gone Fishing',
    responseHeaders: headers,
    protocol: 'HTTP/1.1',
    cluster: cluster && { http: { http1: cluster } },
    ...stream,
  };
  return encodeResponseHead(whole as HttpStream, { headerFormat: listener } as Http1ProtocolOptions);
}

const keeping = (forwardReasonPhrase = false): Partial<Http1ProtocolOptions> => ({
  headerFormat: 'preserve_case',
  preserveCase: { forwardReasonPhrase, formatterTypeOnEnvoyHeaders: 'DEFAULT' },
});
const LINE = 'HTTP/1.1 404 Not Found\r\n';

test("names are spelled as the listener's format says", () => {
  assert.equal(encoded({ listener: 'lower' }), `${LINE}x-one: \xe9\r\n\r\n`);
  assert.equal(encoded({ listener: 'proper_case_words' }), `${LINE}X-One: \xe9\r\n\r\n`);
  assert.equal(encoded({ listener: 'preserve_case' }), `${LINE}x-one: \xe9\r\n\r\n`);
});

test("a cluster that keeps case has its upstreams' spelling passed on, whatever the listener's format", () => {
  for (const listener of ['lower', 'proper_case_words', 'preserve_case'] as const)
    assert.equal(encoded({ listener, cluster: keeping() }), `${LINE}X-oNE: \xe9\r\n\r\n`);
});

test('an answer of our own is spelled as the listener says, also where a cluster was chosen', () => {
  const own = { cluster: keeping(), received: false };
  assert.equal(encoded({ listener: 'lower', ...own }), `${LINE}content-type: text/plain\r\n\r\n`);
  assert.equal(encoded({ listener: 'proper_case_words', ...own }), `${LINE}Content-Type: text/plain\r\n\r\n`);
});

test("the upstream's reason phrase is passed on where the cluster's formatter says so, and there is one", () => {
  const line = (given: Given) => encoded(given).split('\r\n')[0];
  assert.equal(line({ listener: 'lower', cluster: keeping(true) }), 'HTTP/1.1 404 Gone Fishing');
  assert.equal(line({ listener: 'lower', cluster: keeping(true), stream: { responseReason: '' } }), LINE.trim());
  assert.equal(line({ listener: 'lower', cluster: keeping() }), LINE.trim());
  assert.equal(line({ listener: 'lower' }), LINE.trim());
});

test('a client of HTTP/1.0 is answered in its version', () => {
  assert.match(encoded({ listener: 'lower', stream: { protocol: 'HTTP/1.0' } }), /^HTTP\/1\.0 404 Not Found\r\n/);
});

test('an informational head has its fields and no more', () => {
  assert.equal(encodeInterimHead(100, headersOf()), 'HTTP/1.1 100 Continue\r\n\r\n');
  assert.match(
    encodeInterimHead(103, headersOf({ link: '</a>' })),
    /^HTTP\/1\.1 103 [A-Za-z ]+\r\nlink: <\/a>\r\n\r\n$/,
  );
});
