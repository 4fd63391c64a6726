import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIpPort, splitHostPort } from '#selection/ip-port.ts';

test('an address with a port is read, anything else is not', () => {
  assert.deepEqual(parseIpPort('10.0.0.1:80'), { address: '10.0.0.1', port: 80 });
  assert.deepEqual(parseIpPort('[::1]:443'), { address: '::1', port: 443 });
  for (const text of [
    '',
    '10.0.0.1',
    '::1:80',
    '[::1]',
    '[10.0.0.1]:1',
    '10.0.0.1:65536',
    'a:80',
    '10.0.0.1:',
    ':80',
    '010.0.0.1:1',
  ]) {
    assert.equal(parseIpPort(text), undefined, text);
  }
  fc.assert(fc.property(fc.string(), (text) => void [parseIpPort(text), splitHostPort(text)]));
});

test('an authority is a name and perhaps a port', () => {
  assert.deepEqual(splitHostPort('a.test:8080'), { name: 'a.test', port: 8080 });
  assert.deepEqual(splitHostPort('a.test'), { name: 'a.test' });
  assert.deepEqual(splitHostPort('[::1]:1'), { name: '::1', port: 1 });
});
