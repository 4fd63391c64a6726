import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, socketAddress } from '#testing/bootstrap.ts';
import { errorsOf, load, warningsOf } from '#testing/load-config.ts';

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
    socketOptions: [[]],
    mptcp: false,
    trafficDirection: 'UNSPECIFIED',
    drainType: 'DEFAULT',
    accessLog: [],
    ignoreGlobalConnLimit: false,
    bypassOverloadManager: false,
    connectionCount: new SharedArrayBuffer(4),
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
    bypass_overload_manager: true,
    metadata: { filter_metadata: { m: { k: 'v' } } },
    additional_addresses: [{ address: { pipe: { path: '/run/in.sock', mode: 0o600 } } }],
  });
  assert.equal(listener.statPrefix, 'front');
  assert.equal(listener.perConnectionBufferLimitBytes, 100);
  assert.equal(listener.tcpBacklogSize, 7);
  assert.deepEqual([listener.enableReusePort, listener.bindToPort], [false, false]);
  assert.deepEqual([listener.listenerFiltersTimeout, listener.continueOnListenerFiltersTimeout], [0, true]);
  assert.deepEqual([listener.trafficDirection, listener.drainType], ['INBOUND', 'MODIFY_ONLY']);
  assert.deepEqual([listener.ignoreGlobalConnLimit, listener.bypassOverloadManager], [true, true]);
  assert.deepEqual(listener.metadata, { m: { k: 'v' } });
  assert.deepEqual(listener.addresses[1], { kind: 'pipe', path: '/run/in.sock', mode: 0o600 });
});

test('the old way to say bind_to_port counts', () => {
  assert.equal(read({ deprecated_v1: { bind_to_port: false } }).bindToPort, false);
});

test('fields of sockets become options, in the order in which they are set, for each address', () => {
  const option = { level: 1, name: 15, int_value: 1, ip_version: 'SOCKET_IP_VERSION_IPV4', state: 'STATE_BOUND' };
  const { socketOptions, mptcp } = read({
    enable_mptcp: true,
    freebind: true,
    tcp_keepalive: { keepalive_time: 10 },
    tcp_fast_open_queue_length: 5,
    socket_options: [option, { level: 17, name: 1, int_value: 1, type: { datagram: {} } }],
    additional_addresses: [
      {
        address: socketAddress(0, '::1'),
        socket_options: { socket_options: [{ level: 1, name: 25, buf_value: 'bG8A' }] },
      },
    ],
  });
  assert.equal(mptcp, true);
  const common = [
    { level: 0, name: 15, value: 1, state: 'PREBIND', ipVersion: 4 },
    { level: 41, name: 78, value: 1, state: 'PREBIND', ipVersion: 6 },
    { level: 6, name: 23, value: 5, state: 'LISTENING' },
    { level: 1, name: 9, value: 1, state: 'PREBIND' },
    { level: 6, name: 4, value: 10, state: 'PREBIND' },
  ];
  assert.deepEqual(socketOptions[0], [...common, { level: 1, name: 15, value: 1, state: 'BOUND', ipVersion: 4 }]);
  const [device] = socketOptions[1].slice(common.length);
  assert.deepEqual([device.level, device.name, Buffer.from(device.value as Uint8Array).toString()], [1, 25, 'lo\0']);
});

test('use_original_dst and use_proxy_proto stand for listener filters, which come last', () => {
  const [chain] = httpListener().filter_chains as Json[];
  const listener = {
    use_original_dst: true,
    filter_chains: [{ ...chain, use_proxy_proto: true }],
    listener_filters: [
      {
        name: 'tls',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
        },
      },
    ],
  };
  assert.deepEqual(
    read(listener).listenerFilters.map(({ name }) => name),
    ['tls', 'envoy.filters.listener.original_dst', 'envoy.filters.listener.proxy_protocol'],
  );
  assert.match(warningsOf(one(listener)).join(), /use_proxy_proto' is deprecated/);
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
