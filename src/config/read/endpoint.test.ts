import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCluster } from '#config/read/cluster.ts';
import { type Json, socketAddress } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

function read(endpoint: Json, fields: Json = {}) {
  const load_assignment = { cluster_name: 'c', endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  return readMessage('envoy.config.cluster.v3.Cluster', { name: 'c', load_assignment, ...fields }, readCluster);
}

function withAnother(another: Json, host = '127.0.0.1'): Json {
  return { address: socketAddress(80, host), additional_addresses: [{ address: another }] };
}

test('a host may have more addresses on the port of its first', () => {
  const { value, errors } = read(withAnother(socketAddress(80, '::1')));
  assert.deepEqual(errors, []);
  const [host] = value?.loadAssignment?.endpoints[0].endpoints ?? [];
  assert.deepEqual(
    host.additionalAddresses.map((address) => address.kind === 'ip' && address.address),
    ['::1'],
  );
});

test('an additional address on another port, or that is a path, is refused', () => {
  for (const another of [socketAddress(81), { pipe: { path: '/run/x.sock' } }]) {
    assert.match(read(withAnother(another)).errors[0], /additional address is an IP address with the port/);
  }
});

test('additional addresses of a name that DNS resolves are refused', () => {
  const { errors } = read(withAnother(socketAddress(80), 'a.test'), { type: 'STRICT_DNS' });
  assert.match(errors[0], /additional addresses are for STATIC clusters/);
});
