import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, socketAddress } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';

const AT = 'static_resources.listeners[0]';
const one = (listener: Json) => bootstrap([httpListener({ listener })]);
const read = (listener: Json) => load(one(listener)).snapshot.listeners[0];

test('a listener has the defaults of Envoy', () => {
  const { filterChains, addresses, ...rest } = read({});
  assert.equal(filterChains.length, 1);
  assert.equal(addresses.length, 1);
  assert.deepEqual(rest, {
    name: 'in',
    statPrefix: '',
    listenerFilters: [],
    listenerFiltersTimeout: 15_000,
    continueOnListenerFiltersTimeout: false,
    perConnectionBufferLimitBytes: 1_048_576,
    enableReusePort: true,
    bindToPort: true,
    useOriginalDst: false,
    transparent: false,
    freebind: false,
    trafficDirection: 'UNSPECIFIED',
    drainType: 'DEFAULT',
    accessLog: [],
    ignoreGlobalConnLimit: false,
    maxConnectionsToAcceptPerSocketEvent: 0,
    metadata: {},
  });
});

test('every field that is honoured is in the snapshot', () => {
  const listener = read({
    stat_prefix: 'front',
    per_connection_buffer_limit_bytes: 100,
    tcp_backlog_size: 7,
    enable_reuse_port: false,
    bind_to_port: false,
    listener_filters_timeout: '0s',
    continue_on_listener_filters_timeout: true,
    traffic_direction: 'INBOUND',
    drain_type: 'MODIFY_ONLY',
    ignore_global_conn_limit: true,
    metadata: { filter_metadata: { m: { k: 'v' } } },
    additional_addresses: [{ address: { pipe: { path: '/run/in.sock', mode: 0o600 } } }],
  });
  assert.equal(listener.statPrefix, 'front');
  assert.equal(listener.perConnectionBufferLimitBytes, 100);
  assert.equal(listener.tcpBacklogSize, 7);
  assert.deepEqual([listener.enableReusePort, listener.bindToPort], [false, false]);
  assert.deepEqual([listener.listenerFiltersTimeout, listener.continueOnListenerFiltersTimeout], [0, true]);
  assert.deepEqual([listener.trafficDirection, listener.drainType], ['INBOUND', 'MODIFY_ONLY']);
  assert.equal(listener.ignoreGlobalConnLimit, true);
  assert.deepEqual(listener.metadata, { m: { k: 'v' } });
  assert.deepEqual(listener.addresses[1], { kind: 'pipe', path: '/run/in.sock', mode: 0o600 });
});

test('a listener that bypasses the overload manager is not limited by it', () => {
  assert.equal(read({ bypass_overload_manager: true }).ignoreGlobalConnLimit, true);
});

test('the old way to say bind_to_port counts', () => {
  assert.equal(read({ deprecated_v1: { bind_to_port: false } }).bindToPort, false);
});

test('fields that are not honoured may stand there at their default', () => {
  const off = { use_original_dst: false, transparent: false, freebind: false, enable_mptcp: false };
  assert.deepEqual(errorsOf(one(off)), []);
  const on = { use_original_dst: true, transparent: true, freebind: true, enable_mptcp: true };
  assert.deepEqual(
    errorsOf(one(on)).map((error) => error.split(':')[0]),
    Object.keys(on).map((field) => `${AT}.${field}`),
  );
});

test('chains that ask for server names bring no TLS inspector with them, as in Envoy 1.40', () => {
  const chains = httpListener({ chain: { filter_chain_match: { server_names: ['a'] } } }).filter_chains;
  assert.deepEqual(read({ filter_chains: chains }).listenerFilters, []);
});

test('the default filter chain is enough', () => {
  const [chain] = httpListener().filter_chains as Json[];
  assert.deepEqual(errorsOf(one({ filter_chains: [], default_filter_chain: chain })), []);
});

const REFUSED: [what: string, listener: Json, error: string][] = [
  ['no filter chains', { filter_chains: [] }, `${AT}: error adding listener '127.0.0.1:0': no filter chains specified`],
  ['no address', { address: null }, `${AT}.address: address is necessary`],
  [
    'a name as address',
    { address: socketAddress(1, 'foo') },
    `${AT}.address.socket_address.address: malformed IP address: foo`,
  ],
  [
    'UDP with filter chains',
    { address: { socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: 1 } } },
    `${AT}: error adding listener '127.0.0.1:1': 1 filter chain(s) specified for connection-less UDP listener.`,
  ],
];
for (const [what, listener, error] of REFUSED) {
  test(`refused: ${what}`, () => assert.deepEqual(errorsOf(one(listener)), [error]));
}
