import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import test from 'node:test';
import { isLoopback, localAddress, useLocalAddressOf } from '#selection/local-address.ts';

test("the machine's own address is of the version asked for, and the same each time", () => {
  assert.equal(isIP(localAddress()), 4);
  useLocalAddressOf('v6');
  assert.equal(isIP(localAddress()), 6);
  useLocalAddressOf('v4');
  assert.equal(isIP(localAddress()), 4);
  assert.equal(localAddress(), localAddress());
});

test('127.0.0.1 is the loopback, and ::1', () => {
  for (const address of ['127.0.0.1', '::1']) assert.ok(isLoopback(address), address);
  for (const address of ['127.0.0.2', '127.8.9.10', '128.0.0.1', '12.7.0.1', '::', '10.0.0.1', ''])
    assert.ok(!isLoopback(address), address);
});
