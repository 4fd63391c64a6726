/**
 * Conditions of access control in the Common Expression Language: what they are of connections, which of them are refused, and how they are
 * shown, ours and real Envoy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Message, toJson } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { celLibrary } from '#config/syntax/cel-library.ts';
import { bootstrap, downstreamTls, type Json, typed } from '#testing/bootstrap.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import { type ProxyOptions, startProxy } from '#testing/start-proxy.ts';
import { both } from './attempted.ts';
import { alike } from './compare-tcp.ts';
import { filter, tcpListener } from './tcp-filters.ts';
import { agree, verdict } from './verdict.ts';

const TREE = messageType('google.api.expr.v1alpha1.Expr');
const ANY = { any: true };

/** The parser's messages are Envoy's under a newer name. */
function renamed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(renamed);
  if (typeof node !== 'object' || node === null || node instanceof Uint8Array) return node;
  const of = (key: string, value: unknown) =>
    key === '$typeName' ? String(value).replace('cel.expr', 'google.api.expr.v1alpha1') : renamed(value);
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, of(key, value)]));
}

/** A policy's fields for an expression. */
function condition(text: string, cel_config?: Json): Json {
  const tree = toJson(TREE, renamed(celLibrary().parse(text).expr) as Message);
  return { condition: tree, ...(cel_config && { cel_config }) };
}

const echo = filter('echo', 'echo.v3.Echo');
const rules = (fields: Json): Json => ({
  action: 'ALLOW',
  policies: { p: { permissions: [ANY], principals: [ANY], ...fields } },
});
const state = filter('set_filter_state', 'set_filter_state.v3.Config', {
  on_new_connection: [
    {
      object_key: 'my.key',
      factory_key: 'envoy.string',
      format_string: { text_format_source: { inline_string: 'hello' } },
    },
  ],
});

/** Each is asked for by a filter of its own, whose number of connections tells what it came to. */
function asking(policies: Json[], chain: Json = {}): Json {
  const filters = policies.map((policy, i) =>
    filter('rbac', 'rbac.v3.RBAC', { stat_prefix: `e${i}.`, shadow_rules: rules(policy) }),
  );
  const listener = tcpListener([state, ...filters, echo], { metadata: { filter_metadata: { m: { k: 'v' } } } });
  const [only] = listener.filter_chains as Json[];
  return bootstrap([{ ...listener, filter_chains: [{ ...only, ...chain }], access_log: [] }]);
}

const STRINGS = { enable_string_functions: true };
const CONVERSION = { enable_string_conversion: true };
const CONCAT = { enable_string_concat: true };

const OF_CONNECTIONS = [
  ...[
    'true',
    '1',
    "'a'",
    'null',
    'unknown == 1',
    '!(unknown == 1)',
    'unknown || true',
    'unknown && false',
    '1 / 0 == 1',
  ],
  "source.address.startsWith('127.0.0.1:') && source.port > 0 && destination.port > 0",
  "source.address.matches('^127\\\\.0\\\\.0\\\\.1:[0-9]+$')",
  ...['path', 'url_path', 'query', 'headers', 'time', 'protocol', 'id', 'method'].map((name) => `has(request.${name})`),
  ...['request.headers.size() == 0', "'a' in request.headers", 'request.size == 1', 'request.headers_bytes == 0'],
  ...['has(response.code)', 'response.flags == 0', 'response.size == 0', 'has(response.headers)'],
  ...['connection.mtls', "connection.requested_server_name == ''", 'has(connection.tls_version)', 'connection.id > 0u'],
  ...['has(connection.termination_details)', 'has(connection.transport_failure_reason)'],
  ...['has(upstream.address)', 'upstream.request_attempt_count == 0u', 'has(upstream.locality)'],
  "metadata.filter_metadata['envoy.filters.network.rbac'].shadow_engine_result == 'denied'",
  ...["xds.filter_chain_name == 'chain'", 'has(xds.cluster_name)', 'has(xds.route_metadata)'],
  "xds.listener_metadata.filter_metadata['m']['k'] == 'v'",
  ...["'my.key' in filter_state", "filter_state['my.key'] == b'hello'", "filter_state['my.key'] == 'hello'"],
  ...["'a' + 'b' == 'ab'", "b'a' + b'b' == b'ab'", '[1] + [2] == [1, 2]', '1 == 1.0', "'a' == 1", "int('0x10') == 16"],
].map((text) => ({ text, policy: condition(text) }));

const WITH_MORE_FUNCTIONS = [
  ["'a' + 'b' == 'ab'", CONCAT],
  ['[1] + [2] == [1, 2]', CONCAT],
  ["string(1) == '1'", CONVERSION],
  ["string(1234567.0) == '1.234567e+06'", CONVERSION],
  ["'aB'.lowerAscii() == 'ab' && 'ab'.reverse() == 'ba'", STRINGS],
  ["'a,b,c'.split(',', 2) == ['a', 'b,c'] && ['a', 'b'].join('-') == 'a-b'", STRINGS],
  ["'aba'.replace('a', 'b', -1) == 'bbb' && 'aBa'.lastIndexOf('a', 1) == 0", STRINGS],
  ["'%d-%s'.format([1, 'x']) == '1-x' && strings.quote('a') == '\"a\"'", STRINGS],
].map(([text, config]) => ({ text: text as string, policy: condition(text as string, config as Json) }));

function cameTo(expressions: { text: string; policy: Json }[]): Parameters<typeof alike>[1] {
  return {
    bootstrap: () => asking(expressions.map(({ policy }) => policy)),
    async run({ connect, proxy, note }) {
      const wire = await connect();
      await wire.send('a');
      await wire.something();
      const stats = await proxy.stats();
      for (const [i, { text }] of expressions.entries()) note(`${stats[`e${i}.rbac.shadow_allowed`]} ${text}`);
    },
  };
}

alike('what expressions come to of a connection', cameTo(OF_CONNECTIONS));
alike('functions that cel_config adds', cameTo(WITH_MORE_FUNCTIONS));

const server = signed('server.test', ['DNS:server.test', 'URI:spiffe://mesh/server']);
const client = signed('client', ['URI:spiffe://mesh/client', 'DNS:client.test']);
const OF_TLS = [
  ...[
    "connection.mtls && connection.tls_version == 'TLSv1.3'",
    "connection.uri_san_peer_certificate == 'spiffe://mesh/client'",
  ],
  ...[
    "connection.dns_san_peer_certificate == 'client.test'",
    "connection.uri_san_local_certificate == 'spiffe://mesh/server'",
  ],
  ...["connection.subject_local_certificate == ''", 'has(connection.sha256_peer_certificate_digest)'],
].map((text) => ({ text, policy: condition(text) }));

alike('what expressions come to of a connection with TLS', {
  bootstrap() {
    const certificate = {
      certificate_chain: { inline_string: server.cert },
      private_key: { inline_string: server.key },
    };
    const validation_context = { trusted_ca: { inline_string: testAuthority().cert } };
    const chain = downstreamTls({ tls_certificates: [certificate], validation_context });
    return asking(
      OF_TLS.map(({ policy }) => policy),
      chain,
    );
  },
  async run({ connect, proxy, note }) {
    for (const certificate of [client, undefined]) {
      const wire = await connect('in', { tls: { cert: certificate?.cert, key: certificate?.key } });
      await wire.send('a');
      await wire.something();
      const stats = await proxy.stats();
      for (const [i, { text }] of OF_TLS.entries()) note(`${stats[`e${i}.rbac.shadow_allowed`]} ${text}`);
    }
  },
});

alike('a condition that does not hold closes the connection, with the policy that did not match', {
  bootstrap: () =>
    bootstrap([
      tcpListener(
        [filter('rbac', 'rbac.v3.RBAC', { stat_prefix: 'p.', rules: rules(condition('source.port == 1')) }), echo],
        {
          access_log: [],
        },
      ),
    ]),
  async run({ connect, note }) {
    const wire = await connect();
    await wire.send('a');
    note(await wire.closed());
  },
  stats: /rbac\./,
});

const constant = (kind: Json): Json => ({ condition: { id: 1, const_expr: kind } });
const REFUSED: Record<string, Json> = {
  'an empty condition': { condition: {} },
  'a constant of no kind': constant({}),
  'an identifier without a name': { condition: { ident_expr: { name: '' } } },
  'a select of nothing': { condition: { select_expr: { field: 'a' } } },
  'an unknown function': condition('nofunc(1) == 1'),
  'a comprehension': condition('[1].exists(x, x == 1)'),
  'a conversion without cel_config': condition("string(1) == '1'"),
  'a string function without cel_config': condition("'A'.lowerAscii() == 'a'", CONVERSION),
  'a pattern that RE2 refuses': condition("'a'.matches('[')"),
  'a message of no known type': condition('a.B{c: 1} == 1'),
};

for (const [name, policy] of Object.entries(REFUSED)) {
  test(`refused as by Envoy: ${name}`, (t) => {
    const both = verdict(t, asking([policy]));
    assert.ok(both.envoy !== '' && agree(both), JSON.stringify(both, undefined, 2));
  });
}

test('a matcher of expressions is refused for connections as by Envoy', (t) => {
  const action = typed('config.rbac.v3.Action', { name: 'a', action: 'ALLOW' });
  const xds = (name: string, more = {}) => ({
    name,
    typed_config: { '@type': `type.googleapis.com/xds.type.matcher.v3.${name}`, ...more },
  });
  const holds = { expr_match: { cel_expr_parsed: { expr: { const_expr: { bool_value: true } } } } };
  const address = { name: 'i', typed_config: typed('extensions.matching.common_inputs.network.v3.SourceIPInput') };
  for (const input of [xds('HttpAttributesCelMatchInput'), address]) {
    const predicate = { single_predicate: { input, custom_match: xds('CelMatcher', holds) } };
    const on_match = { action: { name: 'action', typed_config: action } };
    const matcher = { matcher_list: { matchers: [{ predicate, on_match }] } };
    const rbac = filter('rbac', 'rbac.v3.RBAC', { stat_prefix: 'p', matcher });
    const both = verdict(t, bootstrap([tcpListener([rbac, echo], { access_log: [] })]));
    assert.ok(both.envoy !== '' && agree(both), JSON.stringify(both, undefined, 2));
  }
});

test('/config_dump shows conditions as they were given', async (t) => {
  const given = condition("source.address == 'a' && [1, 2][0] == 1 && has(request.time)", CONVERSION);
  const shown = async (kind: ProxyOptions['kind']) => {
    const proxy = await startProxy(t, asking([given]), { kind });
    const { body } = await proxy.admin.get('/config_dump');
    const text = JSON.stringify(JSON.parse(body), (key, value) => (key === 'last_updated' ? undefined : value));
    return /"condition":.*?"cel_config":\{[^}]*\}/.exec(text)?.[0];
  };
  const [envoy, ours] = await both(t, shown);
  assert.ok(envoy !== undefined);
  assert.equal(ours, envoy);
});
