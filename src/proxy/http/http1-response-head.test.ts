import assert from 'node:assert/strict';
import test from 'node:test';
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { encodeInterimHead, encodeResponseHead } from '#proxy/http/http1-response-head.ts';
import { headersOf } from '#testing/stream-info.ts';

function encoded(stream: Partial<HttpStream>, options: Partial<Http1ProtocolOptions>): string {
  const headers = headersOf({ 'content-type': 'text/plain', 'x-a': '\xe9' });
  const whole = { responseCode: 404, responseReason: '', responseHeaders: headers, ...stream };
  return encodeResponseHead(whole as HttpStream, options as Http1ProtocolOptions);
}

const kept = (forwardReasonPhrase: boolean): Partial<Http1ProtocolOptions> => ({
  headerFormat: 'preserve_case',
  preserveCase: { forwardReasonPhrase, formatterTypeOnEnvoyHeaders: 'DEFAULT' },
});

test('a response head in lower case and in proper case', () => {
  const lower = 'HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\nx-a: \xe9\r\n\r\n';
  assert.equal(encoded({}, { headerFormat: 'lower' }), lower);
  const proper = 'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX-A: \xe9\r\n\r\n';
  assert.equal(encoded({}, { headerFormat: 'proper_case_words' }), proper);
});

test("the upstream's reason phrase is written only where preserve_case says so, and there is one", () => {
  const line = (head: string) => head.slice(0, head.indexOf('\r\n'));
  assert.equal(line(encoded({ responseReason: 'Gone Fishing' }, kept(true))), 'HTTP/1.1 404 Gone Fishing');
  assert.equal(line(encoded({ responseReason: '' }, kept(true))), 'HTTP/1.1 404 Not Found');
  assert.equal(line(encoded({ responseReason: 'Gone Fishing' }, kept(false))), 'HTTP/1.1 404 Not Found');
  assert.equal(line(encoded({ responseReason: 'Gone Fishing' }, { headerFormat: 'lower' })), 'HTTP/1.1 404 Not Found');
});

test('an informational head has its fields and no more', () => {
  assert.equal(encodeInterimHead(100, headersOf()), 'HTTP/1.1 100 Continue\r\n\r\n');
  assert.equal(encodeInterimHead(103, headersOf({ link: '</a>' })), 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
});
