import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ParseError } from '#wire/http1/parse-error.ts';
import { isHostText, parseTarget } from '#wire/http1/request-target.ts';

function parse(method: string, target: string): number | string {
  const parts = { scheme: '?', authority: '?', path: '?' };
  const error = parseTarget(method, target, parts);
  return error === 0 ? `${parts.scheme} ${parts.authority} ${parts.path}` : error;
}

const { BadTarget, InvalidUrl, InvalidScheme } = ParseError;
const TARGETS: [target: string, outcome: number | string][] = [
  ['http://a.test/b?c', 'http a.test /b?c'],
  ['HTTPS://A.test:443/', 'https A.test:443 /'],
  ['http://a', 'http a /'],
  ['http://a:80', 'http a:80 /'],
  ['http://a?b', 'http a ?b'],
  ['http://a/b#c', 'http a /b#c'],
  ['http://[::1]:8/', 'http [::1]:8 /'],
  ['http://user:secret@a:80/', 'http a:80 /'],
  ['http://@a/', 'http a /'],
  ['http://a:65535/', 'http a:65535 /'],
  ['http://a:65536/', InvalidUrl],
  ['http://a:/', InvalidUrl],
  ['http://a:x/', InvalidUrl],
  ['http://a:1:2/', InvalidUrl],
  ['http:///b', InvalidUrl],
  ['http://u@/', InvalidUrl],
  ['http://a@b@c/', InvalidUrl],
  ['http://_a/', InvalidUrl],
  ['http://%41/', InvalidUrl],
  ['http://[x]/', InvalidUrl],
  ['http://[::1/', InvalidUrl],
  ['http://a@@b/', BadTarget],
  ['http://a|b/', BadTarget],
  ['http://a\\b/', BadTarget],
  ['http://a#b', BadTarget],
  ['http:/a', BadTarget],
  ['a', BadTarget],
  ['', BadTarget],
  ['ftp://a/', InvalidScheme],
  ['ws://a/', InvalidScheme],
  ['*', InvalidUrl],
  ['*a', InvalidUrl],
];

for (const [target, outcome] of TARGETS) {
  test(`GET ${target} makes ${outcome}`, () => assert.equal(parse('GET', target), outcome));
}

const CONNECTS: [target: string, outcome: number | string][] = [
  ['a:443', ' a:443 '],
  ['[::1]:80', ' [::1]:80 '],
  ['u@a:80', ' a:80 '],
  ['a', InvalidUrl],
  ['a:', InvalidUrl],
  ['a:x', InvalidUrl],
  [':80', InvalidUrl],
  ['a:99999', InvalidUrl],
  ['a:443/b', InvalidUrl],
  ['http://a:80/', InvalidUrl],
  ['/a', InvalidUrl],
  ['*', InvalidUrl],
  ['a|b:80', BadTarget],
];

for (const [target, outcome] of CONNECTS) {
  test(`CONNECT ${target} makes ${outcome}`, () => assert.equal(parse('CONNECT', target), outcome));
}

test('a host is taken for what it is, and nothing of the rest gets into it', () => {
  const property = fc.property(fc.string({ unit: fc.constantFrom(...'ab.:/@?#[]%-_*1') }), (text) => {
    const parts = { scheme: '', authority: '', path: '' };
    if (parseTarget('GET', `http://${text}`, parts) !== 0) return;
    assert.match(parts.authority, /^([ab.1-]+|\[[ab:.1]+\])(:1+)?$/);
    assert.ok(isHostText(parts.authority));
    const bare = parts.path === '/' && !text.includes('/');
    assert.ok(text.endsWith(`${parts.authority}${bare ? '' : parts.path}`));
  });
  fc.assert(property, { numRuns: 1000 });
});

test('these characters may not stand in a host', () => {
  const refused: string[] = [];
  for (let c = 0; c < 256; c++) if (!isHostText(`a${String.fromCharCode(c)}b`)) refused.push(String.fromCharCode(c));
  assert.equal(refused.filter((c) => c > ' ' && c < '\x7f').join(''), '"#/<>?\\^`{|}');
  assert.equal(refused.filter((c) => c <= ' ').length, 33);
  assert.equal(refused.filter((c) => c >= '\x7f').length, 129);
  assert.ok(isHostText('') && isHostText('[::1]:80') && isHostText('a%2F_~:x'));
});
