import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, connectionManager, httpListener, type Json, typed } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';

const AT = 'static_resources.listeners[0].filter_chains';
const ADDING = "error adding listener '127.0.0.1:0'";

function chain(match: Json | undefined, name = ''): Json {
  return { name, filters: [connectionManager()], ...(match === undefined ? {} : { filter_chain_match: match }) };
}
const listening = (...chains: Json[]) => bootstrap([httpListener({ listener: { filter_chains: chains } })]);
const network = (address: string, bits: number) => ({
  prefix_ranges: [{ address_prefix: address, prefix_len: bits }],
});

test('a chain is read with its match, filters and time for the handshake', () => {
  const match = {
    destination_port: 443,
    server_names: ['*.example.com'],
    transport_protocol: 'tls',
    application_protocols: ['h2'],
    source_type: 'EXTERNAL',
    source_ports: [1, 2],
    ...network('10.1.2.3', 8),
  };
  const tree = listening({ ...chain(match, 'c'), transport_socket_connect_timeout: '2s' });
  const [read] = load(tree).snapshot.listeners[0].filterChains;
  assert.deepEqual(read.match, {
    destinationPort: 443,
    prefixRanges: [{ address: '10.1.2.3', prefixLength: 8 }],
    serverNames: ['*.example.com'],
    transportProtocol: 'tls',
    applicationProtocols: ['h2'],
    directSourcePrefixRanges: [],
    sourceType: 'EXTERNAL',
    sourcePrefixRanges: [],
    sourcePorts: [1, 2],
  });
  assert.equal(read.name, 'c');
  assert.equal(read.transportSocketConnectTimeout, 2000);
  assert.deepEqual(read.transport, { kind: 'raw_buffer' });
  assert.deepEqual(
    read.filters.map(({ name }) => name),
    ['envoy.filters.network.http_connection_manager'],
  );
});

test('two chains without names, told apart by what they match, are fine', () => {
  assert.deepEqual(errorsOf(listening(chain({ destination_port: 1 }), chain({ destination_port: 2 }), chain({}))), []);
});

const SAME = "filter chain 'y' has the same matching rules defined as 'x'. duplicate matcher is:";
const OVERLAP = 'multiple filter chains with overlapping matching rules are defined';
const CLASHES: [what: string, chains: Json[], at: number, error: string][] = [
  [
    'the same port',
    [chain({ destination_port: 1 }, 'x'), chain({ destination_port: 1 }, 'y')],
    1,
    `${SAME} {"destination_port":1}`,
  ],
  ['no match and an empty one', [chain(undefined, 'x'), chain({}, 'y')], 1, `${SAME} {}`],
  [
    'one server name of several',
    [chain({ server_names: ['a', 'b'] }), chain({ server_names: ['b', 'c'] })],
    1,
    OVERLAP,
  ],
  ['server names in other case', [chain({ server_names: ['A'] }), chain({ server_names: ['a'] })], 1, OVERLAP],
  ['one network, written in two ways', [chain(network('10.1.2.3', 8)), chain(network('10.0.0.0', 8))], 1, OVERLAP],
  ['one IPv6 network', [chain(network('fd00::1', 9)), chain(network('fd7f:0::', 9))], 1, OVERLAP],
  ['a port that stands twice in one chain', [chain({ source_ports: [1, 1] })], 0, OVERLAP],
];
for (const [what, chains, at, error] of CLASHES) {
  test(`chains clash: ${what}`, () => {
    assert.deepEqual(errorsOf(listening(...chains)), [`${AT}[${at}].filter_chain_match: ${ADDING}: ${error}`]);
  });
}

test('server names have a wildcard for their first label only', () => {
  const names = ['*', 'a*.com', '*.com', '*.*.com', ''];
  const words = `${ADDING}: partial wildcards are not supported in "server_names"`;
  const place = `${AT}[0].filter_chain_match.server_names`;
  assert.deepEqual(errorsOf(listening(chain({ server_names: names }))), [
    `${place}[0]: ${words}`,
    `${place}[1]: ${words}`,
  ]);
});

const LIMIT = {
  name: 'limit',
  typed_config: typed('extensions.filters.network.connection_limit.v3.ConnectionLimit', {
    stat_prefix: 'l',
    max_connections: 1,
  }),
};

test('a chain ends in a filter that takes connections', () => {
  const words =
    'Error: non-terminal filter named limit of type envoy.filters.network.connection_limit is the last filter in a network filter chain.';
  assert.deepEqual(errorsOf(listening({ filters: [LIMIT] })), [`${AT}[0].filters[0]: ${words}`]);
});

test('such a filter stands nowhere else', () => {
  const manager = 'envoy.filters.network.http_connection_manager';
  const [first] = errorsOf(listening({ filters: [connectionManager(), LIMIT] }));
  const words = `Error: terminal filter named ${manager} of type ${manager} must be the last filter in a network filter chain.`;
  assert.equal(first, `${AT}[0].filters[0]: ${words}`);
});

test('a chain without filters is refused', () => {
  assert.match(errorsOf(listening({})).join(), /^static_resources.*\[0\]\.filters: a filter chain without filters/);
});
