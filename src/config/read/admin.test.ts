import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketAddress } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';

test('the admin API is where its address says, and profiles go where Envoy writes them', () => {
  assert.deepEqual(load({ admin: { address: socketAddress(8001) } }).snapshot.admin, {
    address: { kind: 'ip', address: '127.0.0.1', port: 8001, protocol: 'TCP', ipv4Compat: false },
    accessLog: [],
    profilePath: '/var/log/envoy/envoy.prof',
    allowPaths: [],
    socketOptions: [],
    ignoreGlobalConnLimit: false,
  });
});

test('without an address there is no admin API', () => {
  assert.equal(load({ admin: {} }).snapshot.admin, undefined);
  assert.equal(load({}).snapshot.admin, undefined);
});

test('paths may be closed off', () => {
  const admin = { address: socketAddress(8001), allow_paths: [{ exact: '/ready' }] };
  assert.deepEqual(load({ admin }).snapshot.admin?.allowPaths, [{ kind: 'exact', value: '/ready', ignoreCase: false }]);
});

test('the old field for an access log means a file in the default format', () => {
  const admin = { address: socketAddress(8001), access_log_path: '/dev/null' };
  assert.deepEqual(load({ admin }).snapshot.admin?.accessLog, [
    { name: 'envoy.access_loggers.file', sink: { kind: 'file', path: '/dev/null' } },
  ]);
});

test('socket options are for IP addresses, and internal addresses for others', () => {
  const socket_options = [{ level: 1, name: 2, int_value: 3 }];
  const { admin } = load({ admin: { address: socketAddress(0), socket_options } }).snapshot;
  assert.deepEqual(admin?.socketOptions, [{ level: 1, name: 2, value: 3, state: 'PREBIND' }]);
  const pipe = { address: { pipe: { path: '/run/x' } }, socket_options };
  assert.match(errorsOf({ admin: pipe }).join(), /^admin\.socket_options: socket options are for IP addresses/);
  const internal = { address: { envoy_internal_address: { server_listener_name: 'x' } } };
  assert.match(errorsOf({ admin: internal }).join(), /^admin\.address: the admin API cannot listen/);
});
