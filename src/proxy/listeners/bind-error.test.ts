import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindError } from '#proxy/listeners/bind-error.ts';

test('an address that cannot be bound is named, with the words of the system', () => {
  const taken = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });
  const address = { kind: 'ip', address: '::1', port: 80, protocol: 'TCP', ipv4Compat: false } as const;
  assert.equal(bindError(address, taken).message, "cannot bind '[::1]:80': Address already in use");
  const path = { kind: 'pipe', path: '/run/x', mode: 0 } as const;
  assert.equal(bindError(path, new Error('no luck')).message, "cannot bind '/run/x': no luck");
  const forbidden = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
  const words = bindError({ ...path, path: '/not/there' }, forbidden).message;
  assert.equal(words, "cannot bind '/not/there': No such file or directory");
});
