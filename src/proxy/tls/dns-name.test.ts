import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsNameMatches } from '#proxy/tls/dns-name.ts';

test('names match whatever their case, and by a wildcard in the first label alone', () => {
  assert.equal(dnsNameMatches('A.test', 'a.TEST'), true);
  assert.equal(dnsNameMatches('a.b.test', '*.b.test'), true);
  assert.equal(dnsNameMatches('api-1.b.test', 'api-*.b.test'), true);
  assert.equal(dnsNameMatches('a.b.c.test', '*.c.test'), false);
  assert.equal(dnsNameMatches('b.test', '*.b.test'), false);
  assert.equal(dnsNameMatches('a.b.test', 'a.*.test'), false);
  assert.equal(dnsNameMatches('a', '*'), false);
});
