/** Transports that a generic matcher chooses by the metadata of hosts (`transport_socket_matcher`): ours and real Envoy. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, routeConfig, routeTo, socketAddress, typed } from '#testing/bootstrap.ts';
import { parseProxyHeader } from '#wire/proxy-protocol/parse-proxy-header.ts';
import { alike } from './compare-tcp.ts';
import { agree, verdict } from './verdict.ts';

const INPUTS = 'extensions.matching.common_inputs.transport_socket.v3';
const SOCKETS = 'extensions.transport_sockets';
const raw = { name: 'raw', typed_config: typed(`${SOCKETS}.raw_buffer.v3.RawBuffer`) };

/** A transport that can be told by what it says first. */
function transport(name: string): Json {
  const config = { version: 'V2', added_tlvs: [{ type: 0xe1, value: Buffer.from(name).toString('base64') }] };
  const type = `${SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport`;
  return { name, transport_socket: { name: 'pp', typed_config: typed(type, { config, transport_socket: raw }) } };
}

const named = (name: string): Json => ({
  action: { name: 'transport', typed_config: typed(`${INPUTS}.TransportSocketNameAction`, { name }) },
});
const at = (filter: string, ...keys: string[]): Json => ({
  name: 'metadata',
  typed_config: typed(`${INPUTS}.EndpointMetadataInput`, { filter, path: keys.map((key) => ({ key })) }),
});
const byValue = (input: Json, map: Json): Json => ({ matcher_tree: { input, exact_match_map: { map } } });
const values = { v: named('one'), 5: named('two'), true: named('two'), '["v"]': named('three') };

const CLUSTERS: Record<string, [matcher: Json, metadata: Json]> = {
  text: [byValue(at('f', 'k'), values), { f: { k: 'v' } }],
  number: [byValue(at('f', 'k'), values), { f: { k: 5 } }],
  truth: [byValue(at('f', 'k'), values), { f: { k: true } }],
  list: [byValue(at('f', 'k'), values), { f: { k: ['v'] } }],
  nested: [byValue(at('f', 'a', 'b'), values), { f: { a: { b: 'v' } } }],
  'no filter': [byValue(at('', 'k'), values), { 'envoy.lb': { k: 'v' } }],
  'the metadata of matches': [byValue(at('', 'k'), values), { 'envoy.transport_socket_match': { k: 'v' } }],
  nothing: [byValue(at('f', 'k'), values), {}],
  otherwise: [{ ...byValue(at('f', 'k'), values), on_no_match: named('three') }, {}],
  'a name that none has': [{ on_no_match: named('nine') }, {}],
  'a list of predicates': [
    {
      matcher_list: {
        matchers: [
          {
            predicate: { single_predicate: { input: at('f', 'k'), value_match: { prefix: 'v' } } },
            on_match: named('two'),
          },
        ],
      },
    },
    { f: { k: 'vw' } },
  ],
};

const TRANSPORTS = ['one', 'two', 'three'].map(transport);

function cluster(name: string, port: number, transport_socket_matcher: Json, filter_metadata: Json = {}): Json {
  const host = { endpoint: { address: socketAddress(port) }, metadata: { filter_metadata } };
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [host] }] };
  return { name, transport_socket_matches: TRANSPORTS, transport_socket_matcher, load_assignment };
}

/** Answers with the name of the transport. */
function serve(socket: Socket): void {
  socket.once('data', (bytes: Buffer) => {
    const told = parseProxyHeader(bytes);
    const name = told.kind === 'header' ? String(told.tlvs[0]?.value) : 'none';
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\n\r\n${name}`);
  });
}

const names = Object.keys(CLUSTERS).map((_, i) => `c${i}`);

alike('hosts get the transports that they get in Envoy', {
  upstreams: { c: serve },
  bootstrap: ({ c }) =>
    bootstrap(
      [httpListener({ manager: routeConfig(names.map((name) => routeTo(`/${name}/`, name))) })],
      Object.values(CLUSTERS).map(([matcher, metadata], i) => cluster(names[i], c, matcher, metadata)),
    ),
  async run({ connect, note }) {
    for (const [i, name] of Object.keys(CLUSTERS).entries()) {
      const wire = await connect();
      await wire.send(`GET /c${i}/ HTTP/1.1\r\nhost: a\r\n\r\n`);
      note(`${name}: ${(await wire.response()).body}`);
    }
  },
  stats: /total_match_count/,
});

const VERDICTS: Record<string, Json> = {
  'a name twice': { transport_socket_matches: [transport('one'), transport('one')] },
  'another action': {
    transport_socket_matcher: {
      on_no_match: { action: { name: 'x', typed_config: typed('config.rbac.v3.Action', { name: 'a' }) } },
    },
  },
  'no transports at all': { transport_socket_matches: [] },
};

for (const [name, fields] of Object.entries(VERDICTS)) {
  test(`judged as by Envoy: ${name}`, (t) => {
    const config = { ...cluster('c', 1, byValue(at('f', 'k'), values)), ...fields };
    const both = verdict(t, bootstrap([], [config]));
    assert.ok(agree(both), JSON.stringify(both, undefined, 2));
  });
}
