import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketAddress } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';

test('the admin API is where its address says, and profiles go where Envoy writes them', () => {
  assert.deepEqual(load({ admin: { address: socketAddress(8001) } }).snapshot.admin, {
    address: { kind: 'ip', address: '127.0.0.1', port: 8001, protocol: 'TCP', ipv4Compat: false },
    accessLog: [],
    profilePath: '/var/log/envoy/envoy.prof',
  });
});

test('without an address there is no admin API', () => {
  assert.equal(load({ admin: {} }).snapshot.admin, undefined);
  assert.equal(load({}).snapshot.admin, undefined);
});

test('paths cannot be closed off', () => {
  assert.match(errorsOf({ admin: { allow_paths: [{ exact: '/stats' }] } }).join(), /^admin\.allow_paths: field/);
});
