import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFormat, compileFormatConfig } from '#proxy/observe/format/compile-format.ts';
import { streamInfo } from '#testing/stream-info.ts';

/** What real Envoy 1.40 prints of each. */
const printed: [expression: string, text: string][] = [
  ['request.path', '/x?a'],
  ["request.headers['x-a']", 'caf\xc3\xa9'],
  ["request.headers['none']", '-'],
  ['response.code + 1', '201'],
  ['1.5', '1.5'],
  ['0.1 + 0.2', '0.3'],
  ["request.method == 'GET'", 'true'],
  ["[1,'a']", 'CelList value'],
  ["{'a':1}", 'CelMap value'],
  ['request.headers', 'CelMap value'],
  ['null', 'NULL'],
  ["b'abc'", 'abc'],
  ['1u', '1'],
  ["duration('1.5s')", '1.5s'],
  ["duration('3723s')", '1h2m3s'],
  ["duration('1.100333ms')", '1.100333ms'],
  ['unknown', '-'],
  ['1/0', '-'],
  ['type(1)', 'CelType value'],
  ['request.time', '2026-01-01T00:00:00.25+00:00'],
];

const info = streamInfo({
  path: '/x?a',
  startTime: Date.UTC(2026, 0, 1) + 250,
  requestHeaders: { 'x-a': 'caf\xc3\xa9' },
});

for (const [expression, text] of printed) {
  test(`${expression} is printed as by Envoy`, () => {
    assert.equal(compileFormat(`%CEL(${expression})%`).format(info), text);
  });
}

test('in JSON the value of an expression is text, cut to its length', () => {
  const body = {
    kind: 'json' as const,
    json: { code: '%CEL(response.code)%', path: '%CEL(request.path):2%', none: '%CEL(unknown)%' },
  };
  assert.equal(
    compileFormatConfig({ body, omitEmptyValues: false, contentType: '', sortProperties: false }).format(info),
    '{"code":"200","none":null,"path":"/x"}\n',
  );
});

test('what is no expression is refused', () => {
  assert.throws(() => compileFormat('%CEL%'), /Not able to parse/);
  assert.throws(() => compileFormat('%CEL(1 +)%'), /Not able to parse/);
});
