import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCluster } from '#config/read/cluster.ts';
import type { ReadContext } from '#config/read/context.ts';
import { type Json, socketAddress, typed } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const HTTP = 'extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP1 = { explicit_http_config: { http_protocol_options: {} } };
const PRIVATE = { resolvers: ['10.0.0.1:53'], useTcp: false, noDefaultSearchDomain: false };

function read(fields: Json, given: Partial<ReadContext> = {}) {
  return readMessage(CLUSTER, { name: 'c', ...fields }, readCluster, given);
}

function cluster(fields: Json, given: Partial<ReadContext> = {}) {
  const { value, errors } = read(fields, given);
  assert.deepEqual(errors, []);
  assert.ok(value);
  return value;
}

function hosts(...names: string[]): Json {
  const endpoints = names.map((name) => ({ endpoint: { address: socketAddress(80, name) } }));
  return { load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints: endpoints }] } };
}

test('a cluster with nothing but a name has the defaults of Envoy', () => {
  const { circuitBreakers, http, ...rest } = cluster({});
  assert.deepEqual(rest, {
    name: 'c',
    statName: 'c',
    discovery: { kind: 'STATIC' },
    lbPolicy: 'ROUND_ROBIN',
    lbConfig: { choiceCount: 2, activeRequestBias: { defaultValue: 1, runtimeKey: '' } },
    commonLb: { healthyPanicThreshold: 50, localityWeighted: false },
    connectTimeout: 5000,
    perConnectionBufferLimitBytes: 1_048_576,
    transport: { kind: 'raw_buffer' },
    transportSocketMatches: [],
    preconnect: { perUpstreamRatio: 1, predictiveRatio: 1 },
    trackTimeoutBudgets: false,
    trackRequestResponseSizes: false,
    waitForWarmOnInit: true,
    metadata: {},
  });
  assert.equal(circuitBreakers.DEFAULT.maxConnections, 1024);
  assert.equal(http.protocol, 'http1');
});

test('stats go by alt_stat_name where there is one', () => {
  assert.equal(cluster({ alt_stat_name: 'other' }).statName, 'other');
});

test('a static cluster takes addresses, not names', () => {
  const { loadAssignment } = cluster({ type: 'STATIC', ...hosts('127.0.0.1', '::1') });
  assert.equal(loadAssignment?.endpoints[0].endpoints.length, 2);
  assert.match(read({ type: 'STATIC', ...hosts('localhost') }).errors[0], /malformed IP address: localhost/);
});

test('clusters by DNS take names, and ask the resolver of the bootstrap unless they have one', () => {
  const strict = cluster({ type: 'STRICT_DNS', ...hosts('a.test') }, { dnsResolver: PRIVATE });
  assert.equal(strict.discovery.kind, 'STRICT_DNS');
  assert.ok(strict.discovery.kind === 'STRICT_DNS');
  assert.deepEqual(strict.discovery.dns.resolvers, ['10.0.0.1:53']);
  assert.equal(strict.discovery.dns.refreshRate, 5000);
});

test('a logical DNS cluster has exactly one host', () => {
  assert.deepEqual(read({ type: 'LOGICAL_DNS' }).errors, ['LOGICAL_DNS clusters must have a single host']);
  assert.deepEqual(read({ type: 'LOGICAL_DNS', ...hosts('a', 'b') }).errors, [
    'load_assignment: LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint',
  ]);
  assert.equal(cluster({ type: 'LOGICAL_DNS', ...hosts('a') }).discovery.kind, 'LOGICAL_DNS');
});

test('types by extension are found by their message, then by their name', () => {
  const dns = typed('extensions.clusters.dns.v3.DnsCluster', { all_addresses_in_single_endpoint: true });
  assert.equal(
    cluster({ cluster_type: { name: 'x', typed_config: dns }, ...hosts('a') }).discovery.kind,
    'LOGICAL_DNS',
  );
  assert.equal(cluster({ cluster_type: { name: 'envoy.cluster.dns' } }).discovery.kind, 'STRICT_DNS');
  assert.equal(cluster({ cluster_type: { name: 'envoy.cluster.static' } }).discovery.kind, 'STATIC');
  assert.deepEqual(read({ cluster_type: { name: 'mine' } }).errors, [
    "cluster_type.name: Didn't find a registered cluster factory implementation for name: 'mine'",
  ]);
  const raw = typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer');
  assert.match(
    read({ cluster_type: { name: 'envoy.cluster.static', typed_config: raw } }).errors[0],
    /cluster factory implementation for type: 'envoy\.extensions\.transport_sockets\.raw_buffer\.v3\.RawBuffer'$/,
  );
});

test('what comes with later work is refused by name', () => {
  const refusals: [Json, RegExp][] = [
    [{ type: 'EDS' }, /cannot create an EDS cluster without an EDS config/],
    [{ type: 'ORIGINAL_DST' }, /^lb_policy: .*Only 'CLUSTER_PROVIDED' is allowed with cluster type 'ORIGINAL_DST'/],
    [{ outlier_detection: {} }, /^outlier_detection: field 'outlier_detection' is not supported/],
    [{ health_checks: [{}] }, /^health_checks: field 'health_checks' is not supported/],
    [{ lb_subset_config: {} }, /^lb_subset_config: /],
    [{ connection_pool_per_downstream_connection: true }, /^connection_pool_per_downstream_connection: /],
  ];
  for (const [fields, expected] of refusals) {
    assert.match(read(fields).errors.join('\n'), expected);
  }
});

test('fields that tune what is not there are warned of', () => {
  const { errors, warnings } = read({ ignore_health_on_host_removal: true });
  assert.deepEqual(errors, []);
  assert.match(warnings[0], /^ignore_health_on_host_removal: field 'ignore_health_on_host_removal' has no effect/);
});

test('max_requests_per_connection of the cluster holds beside typed options, and may not stand twice', () => {
  const options = (more: Json) => ({ [`envoy.${HTTP}`]: typed(HTTP, { ...HTTP1, ...more }) });
  const once = cluster({ max_requests_per_connection: 3, typed_extension_protocol_options: options({}) });
  assert.equal(once.http.common.maxRequestsPerConnection, 3);
  const words =
    'max_requests_per_connection: Only one of max_requests_per_connection from Cluster or HttpProtocolOptions can be specified';
  const common = { common_http_protocol_options: { max_requests_per_connection: 2 } };
  const typedTwice = { max_requests_per_connection: 3, typed_extension_protocol_options: options(common) };
  assert.deepEqual(read(typedTwice).errors, [words]);
  assert.deepEqual(read({ max_requests_per_connection: 3, ...common }).errors, [words]);
});

test('both ways of asking for timeout budgets count', () => {
  assert.equal(cluster({ track_timeout_budgets: true }).trackTimeoutBudgets, true);
  assert.equal(cluster({ track_cluster_stats: { timeout_budgets: true } }).trackTimeoutBudgets, true);
  assert.equal(cluster({ track_cluster_stats: { request_response_sizes: true } }).trackRequestResponseSizes, true);
});

test('preconnecting, keep-alive, source address and metadata are as written', () => {
  const config = cluster({
    preconnect_policy: {
      per_upstream_preconnect_ratio: 1.5,
      preconnect_enabled_metadata: { filter: 'f', path: [{ key: 'k' }], value: { bool_match: true } },
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 7 } },
    upstream_bind_config: { source_address: { address: '127.0.0.2', port_value: 0 } },
    metadata: { filter_metadata: { a: { b: 1 } } },
  });
  assert.equal(config.preconnect.perUpstreamRatio, 1.5);
  const expected = { filter: 'f', path: ['k'], value: { kind: 'bool', value: true }, invert: false };
  assert.deepEqual(config.preconnect.enabledFor, expected);
  assert.deepEqual(config.tcpKeepalive, { time: 7 });
  assert.equal(config.bind?.sourceAddress, '127.0.0.2');
  assert.deepEqual(config.metadata, { a: { b: 1 } });
});

test('the pools that HTTP takes anyway may be named, others not', () => {
  const http = typed('extensions.upstreams.http.http.v3.HttpConnectionPoolProto');
  cluster({ upstream_config: { name: 'x', typed_config: http } });
  const tcp = typed('extensions.upstreams.http.tcp.v3.TcpConnectionPoolProto');
  assert.match(
    read({ upstream_config: { name: 'x', typed_config: tcp } }).errors[0],
    /is not supported by Fairlead yet/,
  );
});

test('a transport for some hosts needs a transport', () => {
  const raw = { name: 'raw', typed_config: typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer') };
  const { transportSocketMatches } = cluster({
    transport_socket_matches: [{ name: 'm', match: { plain: true }, transport_socket: raw }],
  });
  assert.deepEqual(transportSocketMatches, [{ name: 'm', match: { plain: true }, transport: { kind: 'raw_buffer' } }]);
  assert.equal(read({ transport_socket_matches: [{ name: 'm' }] }).errors.length, 1);
});
