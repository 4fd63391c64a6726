import assert from 'node:assert/strict';
import test from 'node:test';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { stripHostPort } from '#selection/host-port.ts';

type Strip = HttpConnectionManager['stripHostPort'];

const strip = (host: string, stripHostPort_: Strip, stripTrailingHostDot = false) =>
  stripHostPort(host, 8080, { stripHostPort: stripHostPort_, stripTrailingHostDot } as HttpConnectionManager);

test('a port is taken off where it is the one that the connection came to, or in any case', () => {
  for (const [host, matching, any] of [
    ['a.test:8080', 'a.test', 'a.test'],
    ['a.test:80', 'a.test:80', 'a.test'],
    ['a.test', 'a.test', 'a.test'],
    ['[::1]:8080', '[::1]', '[::1]'],
    ['[::1]', '[::1]', '[::1]'],
    ['a.test:', 'a.test:', 'a.test:'],
    ['a.test:x', 'a.test:x', 'a.test:x'],
  ]) {
    assert.equal(strip(host, 'none'), host);
    assert.equal(strip(host, 'matching'), matching);
    assert.equal(strip(host, 'any'), any);
  }
});

test('a dot at the end of the name is taken off, the port stays', () => {
  assert.equal(strip('a.test.', 'none', true), 'a.test');
  assert.equal(strip('a.test.:80', 'none', true), 'a.test:80');
  assert.equal(strip('a.test.:8080', 'matching', true), 'a.test');
  assert.equal(strip('a.test', 'none', true), 'a.test');
  assert.equal(strip('a.test.', 'none'), 'a.test.');
});
