import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json } from '#testing/bootstrap.ts';
import { errorsOf, load, warningsOf } from '#testing/load-config.ts';

const named = (name: string, port: number, listener: Json = {}) => httpListener({ name, port, listener });

test('a second listener of the same name is left out, as by Envoy', () => {
  const tree = bootstrap([named('a', 18001), named('a', 18002)]);
  assert.deepEqual(
    load(tree).snapshot.listeners.map(({ addresses }) => addresses[0]),
    [{ kind: 'ip', address: '127.0.0.1', port: 18001, protocol: 'TCP', ipv4Compat: false }],
  );
  assert.match(warningsOf(tree).join(), /^static_resources\.listeners\[1\]\.name: duplicate listener 'a'/);
});

test('no two listeners have one address, whether or not they bind it', () => {
  const [error] = errorsOf(bootstrap([named('a', 18001), named('b', 18001, { bind_to_port: false })]));
  assert.match(
    error,
    /^static_resources\.listeners\[1\]\.address: error adding listener: 'b' has duplicate address '127\.0\.0\.1:18001'/,
  );
});

test('port 0 is another one for each listener, and one listener may name an address twice', () => {
  assert.deepEqual(errorsOf(bootstrap([named('a', 0), named('b', 0)])), []);
  const again = {
    additional_addresses: [{ address: { socket_address: { address: '127.0.0.1', port_value: 18001 } } }],
  };
  assert.deepEqual(errorsOf(bootstrap([named('a', 18001, again)])), []);
});

test('listeners without names go by their addresses', () => {
  const { snapshot } = load(bootstrap([named('', 18001), named('', 0), named('', 0)]));
  assert.deepEqual(
    snapshot.listeners.map(({ name }) => name),
    ['127.0.0.1:18001', '127.0.0.1:0', '127.0.0.1:0#2'],
  );
});
