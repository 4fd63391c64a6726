import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressFields } from '#proxy/transport/tap/address-fields.ts';

test('texts of addresses of all kinds become fields', () => {
  assert.deepEqual(addressFields('127.0.0.1:80'), { socket_address: { address: '127.0.0.1', port_value: 80 } });
  assert.deepEqual(addressFields('[fd00::1]:443'), { socket_address: { address: 'fd00::1', port_value: 443 } });
  assert.deepEqual(addressFields('/run/x.sock'), { pipe: { path: '/run/x.sock' } });
  assert.deepEqual(addressFields('@abstract'), { pipe: { path: '@abstract' } });
  assert.deepEqual(addressFields('envoy://name/1'), {
    envoy_internal_address: { server_listener_name: 'name', endpoint_id: '1' },
  });
});
