import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOfHost, isLocalhost, parseHosts } from '#proxy/upstream/discovery/hosts-file.ts';

const TABLE = parseHosts(`
# a comment
10.0.0.1\tshop.test Shop   # another
10.0.0.2 shop
fd00::1  shop
not-an-address  shop
10.0.0.1 shop
`);

test('a name has the addresses of all its lines, in order, once each', () => {
  assert.deepEqual(addressesOfHost(TABLE, 'shop', 4), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(addressesOfHost(TABLE, 'shop', 6), ['fd00::1']);
});

test('names are the same in capitals and with a dot at the end', () => {
  assert.deepEqual(addressesOfHost(TABLE, 'SHOP.TEST.', 4), ['10.0.0.1']);
});

test('a name that is not in the file has no address', () => {
  assert.deepEqual(addressesOfHost(TABLE, 'another', 4), []);
  assert.deepEqual(addressesOfHost(TABLE, 'constructor', 4), []);
});

test('localhost and the names below it are this machine, unless the file says otherwise', () => {
  assert.deepEqual(addressesOfHost(TABLE, 'localhost', 4), ['127.0.0.1']);
  assert.deepEqual(addressesOfHost(TABLE, 'a.localhost', 6), ['::1']);
  assert.deepEqual(addressesOfHost(parseHosts('127.0.0.2 localhost'), 'localhost', 4), ['127.0.0.2']);
  assert.equal(isLocalhost('notlocalhost'), false);
});
