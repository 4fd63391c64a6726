import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescExtension, Message } from '@bufbuild/protobuf';
import { create, getOption, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { decode } from '#api/decode.ts';
import type { FieldRules } from '#api/generated/validate/validate_pb.js';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { apiRegistry, messageType } from '#api/registry.ts';
import { validate } from '#api/validate.ts';
import { valueRule } from '#api/value-rules.ts';

/** What breaks a rule, as `path: words (hint)`. */
function broken(typeName: string, tree: unknown): string[] {
  const problems = new Problems();
  const at = rootPlace(undefined, problems);
  const type = messageType(typeName);
  validate(type, decode(type, tree, at), at);
  return problems.errors.map(
    ({ path, message, hint }) => `${path}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const ROUTES = 'envoy.config.route.v3.RouteConfiguration';

function host(virtualHost: object): object {
  return { virtual_hosts: [{ name: 'v', domains: ['*'], ...virtualHost }] };
}

test('a good message breaks no rule', () => {
  assert.deepEqual(broken(CLUSTER, { name: 'a', connect_timeout: '1s', load_assignment: { cluster_name: 'a' } }), []);
});

test('rules about numbers, in the words of Envoy', () => {
  assert.deepEqual(broken(CLUSTER, { name: 'c', outlier_detection: { max_ejection_percent: 101 } }), [
    'outlier_detection.max_ejection_percent: value must be less than or equal to 100',
  ]);
  assert.deepEqual(broken(CLUSTER, { name: 'c', common_lb_config: { healthy_panic_threshold: { value: -1 } } }), [
    'common_lb_config.healthy_panic_threshold.value: value must be inside range [0, 100]',
  ]);
  const status = (code: number) => broken('envoy.config.route.v3.DirectResponseAction', { status: code });
  assert.deepEqual(status(600), ['status: value must be inside range [200, 600)']);
  assert.deepEqual(status(200), []);
  const kb = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  assert.deepEqual(broken(kb, { stat_prefix: 'x', route_config: {}, max_request_headers_kb: 0 }), [
    'max_request_headers_kb: value must be inside range (0, 8192]',
  ]);
  assert.deepEqual(
    broken('envoy.config.metrics.v3.DogStatsdSink', { address: { pipe: { path: 'x' } }, max_bytes_per_datagram: 0 }),
    ['max_bytes_per_datagram: value must be greater than 0'],
  );
});

test('a wrapper that is not set breaks no rule about its value', () => {
  assert.deepEqual(broken(CLUSTER, { name: 'c', outlier_detection: {} }), []);
});

test('rules about durations', () => {
  assert.deepEqual(broken(CLUSTER, { name: 'c', connect_timeout: '0s' }), [
    'connect_timeout: value must be greater than 0s',
  ]);
  assert.deepEqual(broken(CLUSTER, { name: 'c', dns_refresh_rate: '0.0005s' }), [
    'dns_refresh_rate: value must be greater than 1ms',
  ]);
  assert.deepEqual(broken('envoy.config.bootstrap.v3.Bootstrap', { stats_flush_interval: '300s' }), [
    'stats_flush_interval: value must be inside range [1ms, 5m0s)',
  ]);
});

test('rules about text', () => {
  assert.deepEqual(broken(CLUSTER, { name: 'c', load_assignment: {} }), [
    'load_assignment.cluster_name: value length must be at least 1 characters',
  ]);
  assert.deepEqual(broken(ROUTES, host({ domains: ['a\nb'] })), [
    'virtual_hosts[0].domains[0]: value does not match regex pattern "^[^\\x00\\n\\r]*$"',
  ]);
  const rate = { hits_addend: { format: 'abc' }, actions: [{ source_cluster: {} }] };
  assert.deepEqual(broken(ROUTES, host({ rate_limits: [rate] })), [
    'virtual_hosts[0].rate_limits[0].hits_addend.format: value does not have prefix "%"',
  ]);
  assert.deepEqual(broken('envoy.config.core.v3.SchemeHeaderTransformation', { scheme_to_overwrite: 'ftp' }), [
    'scheme_to_overwrite: value must be in list [http https]',
  ]);
  const header = 'envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig';
  assert.deepEqual(broken(header, { header_name: 'a b' }), [
    'header_name: value does not match regex pattern "^:?[0-9a-zA-Z!#$%&\'*+-.^_|~`]+$"',
  ]);
});

test('length in bytes is that of UTF-8, length in characters that of code points', () => {
  const bytes = valueRule({}, ruleOf('envoy.config.core.v3.HeaderValue', 'key'));
  assert.equal(bytes?.('é'.repeat(8193)), 'value length must be at most 16384 bytes');
  assert.equal(bytes?.('é'.repeat(8192)), undefined);
  const clusters = 'envoy.extensions.clusters.reverse_connection.v3.ReverseConnectionClusterConfig';
  const characters = valueRule({}, ruleOf(clusters, 'tenant_id_format'));
  assert.equal(characters?.('😀'.repeat(1025)), 'value length must be at most 1024 characters');
  assert.equal(characters?.('😀'.repeat(1024)), undefined);
});

test('rules about lists and maps', () => {
  assert.deepEqual(broken(ROUTES, { virtual_hosts: [{ name: 'v' }] }), [
    'virtual_hosts[0].domains: value must contain at least 1 item(s)',
  ]);
  const redirects = 'envoy.config.route.v3.InternalRedirectPolicy';
  assert.deepEqual(broken(redirects, { response_headers_to_copy: ['a', 'b', 'a'] }), [
    'response_headers_to_copy[2]: repeated value must contain unique items',
  ]);
  assert.deepEqual(broken('envoy.config.core.v3.Metadata', { filter_metadata: { '': {} } }), [
    'filter_metadata[""]: value length must be at least 1 characters',
  ]);
});

test('enum values must be defined, and some are not allowed', () => {
  assert.deepEqual(broken(CLUSTER, { name: 'c', type: 77 }), ['type: value must be one of the defined enum values']);
  const check = 'envoy.config.core.v3.HealthCheck.HttpHealthCheck';
  assert.deepEqual(broken(check, { path: '/', method: 'CONNECT' }), ['method: value must not be in list [CONNECT]']);
});

test('required messages and oneofs; the members that would do are named', () => {
  assert.deepEqual(broken('envoy.config.route.v3.Route', { route: { cluster: 'c' } }), ['match: value is required']);
  assert.deepEqual(broken('envoy.config.core.v3.Address', {}), [
    "address: field 'address' is required (set one of socket_address, pipe, envoy_internal_address)",
  ]);
  assert.deepEqual(broken('envoy.config.core.v3.TypedExtensionConfig', { name: 'x' }), [
    'typed_config: value is required',
  ]);
});

test('a required member of a oneof is not missed when another member is chosen', () => {
  assert.deepEqual(broken('envoy.type.matcher.v3.StringMatcher', { exact: 'x' }), []);
});

test('a field that could not be read is not complained of as missing too', () => {
  assert.deepEqual(
    broken('envoy.config.core.v3.SocketAddress', { adress: 'a', port_value: 'x' }).map((error) => error.split(':')[0]),
    ['adress', 'port_value'],
  );
  assert.deepEqual(
    broken(ROUTES, { virtual_hosts: [{ nme: 'v', domains: [5] }] }).map((error) => error.split(':')[0]),
    ['virtual_hosts[0].nme', 'virtual_hosts[0].domains[0]'],
  );
});

test('rules hold inside an Any, whether it came as text or as bytes', () => {
  const log = { '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog', path: '' };
  assert.deepEqual(broken('envoy.config.core.v3.TypedExtensionConfig', { name: 'x', typed_config: log }), [
    'typed_config.path: value length must be at least 1 characters',
  ]);
  const problems = new Problems();
  const any = create(AnySchema, { typeUrl: log['@type'], value: new Uint8Array() });
  validate(AnySchema, any, rootPlace(undefined, problems).field('typed_config'));
  assert.deepEqual(
    problems.list.map(({ path }) => path),
    ['typed_config.path'],
  );
});

test('an Any of an unknown type is left to its reader; bad bytes are refused', () => {
  const problems = new Problems();
  const at = rootPlace(undefined, problems);
  validate(AnySchema, create(AnySchema, { typeUrl: 'a/b.C' }), at);
  assert.deepEqual(problems.list, []);
  const url = 'a/envoy.extensions.access_loggers.file.v3.FileAccessLog';
  validate(AnySchema, create(AnySchema, { typeUrl: url, value: new Uint8Array([255]) }), at);
  assert.equal(problems.errors.length, 1);
});

test('types that hold themselves are checked to the end', () => {
  const predicate = 'envoy.config.listener.v3.ListenerFilterChainMatchPredicate';
  assert.deepEqual(broken(predicate, { not_match: { or_match: { rules: [{ any_match: true }] } } }), [
    'not_match.or_match.rules: value must contain at least 2 item(s)',
  ]);
  assert.deepEqual(broken(predicate, { not_match: { any_match: false } }), [
    'not_match.any_match: value must equal true',
  ]);
});

function ruleOf(typeName: string, field: string): FieldRules {
  const rules = apiRegistry().getExtension('validate.rules') as DescExtension;
  const of = messageType(typeName).fields.find(({ name }) => name === field);
  return (getOption as (of: unknown, option: DescExtension) => FieldRules)(of, rules);
}

test('every rule in the API of Envoy is one that we know', () => {
  for (const type of apiRegistry()) {
    if (type.kind !== 'message' || !type.typeName.startsWith('envoy.')) continue;
    const message = create(type) as Message;
    validate(type, message, rootPlace(undefined, new Problems()));
    for (const field of type.fields) valueRule(field, ruleOf(type.typeName, field.name));
    assert.doesNotThrow(() => toBinary(type, message));
  }
});
