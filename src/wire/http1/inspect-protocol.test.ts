import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inspectProtocol } from '#wire/http1/inspect-protocol.ts';

const of = (text: string) => inspectProtocol(Buffer.from(text, 'latin1'));

test('a request line says its version', () => {
  assert.equal(of('GET / HTTP/1.1\r\n'), 'http/1.1');
  assert.equal(of('GET / HTTP/1.0\n'), 'http/1.0');
  assert.equal(of('FOO http://a:1/b?c HTTP/1.1\r\nrest'), 'http/1.1');
  assert.equal(of('CONNECT a:443 HTTP/1.1\r\n'), 'http/1.1');
});

test('any other version, or none, is taken for HTTP/1.0, as by Envoy', () => {
  assert.equal(of('GET / HTTP/2.0\r\n'), 'http/1.0');
  assert.equal(of('GET /\r\n'), 'http/1.0');
  assert.equal(of('GET /HTTP/1.1\r\n'), 'http/1.1');
});

test('the preface of HTTP/2 is told from what begins like it', () => {
  assert.equal(of('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'h2c');
  assert.equal(of('PRI * HTTP/2.0\r\n\r\nSM'), 'incomplete');
  assert.equal(of('PRI * HTTP/2.0\r\n\r\nXX'), 'http/1.0');
});

test('what is no request line is not HTTP', () => {
  for (const text of [
    '\x16\x03\x01',
    ' GET',
    '\r\n',
    'A(',
    'GET\r\n',
    'GET a HTTP/1.1\r\n',
    'GET / a HTTP/1.1\r\n',
    'GET / HTTP/11.1\r\n',
  ])
    assert.equal(of(text), 'not_http', JSON.stringify(text));
});

const PIECES = [
  'GET',
  'CONNECT',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ' ',
  '/',
  'HTTP/1.1',
  '\r\n',
  '\n',
  'http://',
  '@',
  '\0',
];

test('a verdict stays whatever comes after it, and until then more is asked for', () => {
  const texts = fc.oneof(
    fc.array(fc.constantFrom(...PIECES)).map((all) => all.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      let verdict = 'incomplete';
      for (let length = 1; length <= text.length; length++) {
        const now = of(text.slice(0, length));
        if (verdict !== 'incomplete') assert.equal(now, verdict);
        verdict = now;
      }
    }),
  );
});
