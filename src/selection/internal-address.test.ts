import assert from 'node:assert/strict';
import test from 'node:test';
import { internalAddressTest } from '#selection/internal-address.ts';

test('without a configuration nothing is internal', () => {
  const isInternal = internalAddressTest(undefined);
  for (const address of ['127.0.0.1', '10.0.0.1', '::1', '']) assert.ok(!isInternal(address), address);
});

test('addresses in the ranges are internal', () => {
  const isInternal = internalAddressTest({
    unixSockets: false,
    cidrRanges: [
      { address: '10.0.0.0', prefixLength: 8 },
      { address: 'fd00::', prefixLength: 8 },
    ],
  });
  for (const address of ['10.0.0.0', '10.255.255.255', 'fd12::1']) assert.ok(isInternal(address), address);
  for (const address of ['9.255.255.255', '11.0.0.0', '127.0.0.1', 'fe80::1', ''])
    assert.ok(!isInternal(address), address);
});

test('peers at unix sockets are internal where the configuration says so', () => {
  const isInternal = internalAddressTest({ unixSockets: true, cidrRanges: [] });
  for (const address of ['', '/run/socket']) assert.ok(isInternal(address), address);
  assert.ok(!isInternal('127.0.0.1'));
});
