import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, type Json, socketAddress, typed } from '#testing/bootstrap.ts';
import { agree, verdict } from './verdict.ts';

const HTTP = 'extensions.upstreams.http.v3.HttpProtocolOptions';
const RAW = typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer');
const TLS = typed('extensions.transport_sockets.tls.v3.UpstreamTlsContext');
const ROUND_ROBIN = typed('extensions.load_balancing_policies.round_robin.v3.RoundRobin');
const POOL = 'extensions.upstreams.http';

function hosts(names: string[], address: Json = {}): Json {
  const endpoints = names.map((name) => {
    const { socket_address: socket } = socketAddress(80, name) as { socket_address: Json };
    return { endpoint: { address: { socket_address: { ...socket, ...address } } } };
  });
  return { load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints: endpoints }] } };
}

function named(name: string, type?: Json): Json {
  return { cluster_type: { name, ...(type === undefined ? {} : { typed_config: type }) }, ...hosts(['127.0.0.1']) };
}

function protocol(options: Json): Json {
  const explicit = { explicit_http_config: { http_protocol_options: {} } };
  return { typed_extension_protocol_options: { [`envoy.${HTTP}`]: typed(HTTP, { ...explicit, ...options }) } };
}

function address(text: string): Json {
  return { address: text, port_value: 0 };
}

function sources(extra: string[]): Json {
  const others = extra.map((text) => ({ address: address(text) }));
  return { upstream_bind_config: { source_address: address('127.0.0.1'), extra_source_addresses: others } };
}

/** Fields of a cluster, by what is special in them. */
const CLUSTERS: Record<string, Json> = {
  'nothing but a name': {},
  'no name': { name: '' },
  'static with addresses': { type: 'STATIC', ...hosts(['127.0.0.1', '::1']) },
  'static with a unix socket': {
    load_assignment: {
      cluster_name: 'c',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: '/a' } } } }] }],
    },
  },
  'the same host twice': hosts(['127.0.0.1', '127.0.0.1']),
  'an assignment without its name': { load_assignment: { endpoints: [] } },
  'names by strict DNS': { type: 'STRICT_DNS', ...hosts(['a.test', 'b.test']) },
  'strict DNS without hosts': { type: 'STRICT_DNS' },
  'strict DNS with a resolver name': { type: 'STRICT_DNS', ...hosts(['a'], { resolver_name: 'envoy.ip' }) },
  'logical DNS': { type: 'LOGICAL_DNS', ...hosts(['a']) },
  'logical DNS without an assignment': { type: 'LOGICAL_DNS' },
  'logical DNS without hosts': { type: 'LOGICAL_DNS', ...hosts([]) },
  'logical DNS with two hosts': { type: 'LOGICAL_DNS', ...hosts(['a', 'b']) },
  'type by name, static': named('envoy.cluster.static'),
  'type by name, DNS': named('envoy.cluster.dns'),
  'type by name, unknown': named('envoy.clusters.static'),
  'type by message': named('any', typed('extensions.clusters.dns.v3.DnsCluster')),
  'type by a message that is none': named('envoy.cluster.strict_dns', RAW),
  'connect timeout of nothing': { connect_timeout: '0s' },
  'most requests a connection, twice': {
    max_requests_per_connection: 3,
    ...protocol({ common_http_protocol_options: { max_requests_per_connection: 2 } }),
  },
  'most requests a connection, twice in older fields': {
    max_requests_per_connection: 3,
    common_http_protocol_options: { max_requests_per_connection: 2 },
  },
  'most requests a connection, beside typed options': { max_requests_per_connection: 3, ...protocol({}) },
  'older fields beside typed options': { common_http_protocol_options: { idle_timeout: '2s' }, ...protocol({}) },
  'the HTTP pool': { upstream_config: { name: 'x', typed_config: typed(`${POOL}.http.v3.HttpConnectionPoolProto`) } },
  preconnecting: { preconnect_policy: { per_upstream_preconnect_ratio: 1.5 } },
  'preconnecting beyond the limit': { preconnect_policy: { per_upstream_preconnect_ratio: 4 } },
  'transports by match': {
    transport_socket_matches: [{ name: 'm', match: { a: 'b' }, transport_socket: { name: 'raw', typed_config: RAW } }],
  },
  'a match without a transport': { transport_socket_matches: [{ name: 'm' }] },
  'a match without a name': { transport_socket_matches: [{ transport_socket: { name: 'raw', typed_config: RAW } }] },
  'a transport by name alone': { transport_socket: { name: 'envoy.transport_sockets.raw_buffer' } },
  'a transport that is none': { transport_socket: { name: 'mine' } },
  'a source address': { upstream_bind_config: { source_address: { address: '127.0.0.1', port_value: 0 } } },
  'a source that is no address': { upstream_bind_config: { source_address: { address: 'here', port_value: 0 } } },
  'keep-alive probes': { upstream_connection_options: { tcp_keepalive: { keepalive_time: 3 } } },
  'a policy of nobody': { lb_policy: 'LOAD_BALANCING_POLICY_CONFIG' },
  'a policy that the cluster should provide': { lb_policy: 'CLUSTER_PROVIDED' },
  'a policy of no known type': {
    load_balancing_policy: { policies: [{ typed_extension_config: { name: 'mine', typed_config: RAW } }] },
  },
  'a list of policies without a policy': { load_balancing_policy: { policies: [] } },
  'two categories of drops': {
    load_assignment: {
      cluster_name: 'c',
      policy: { drop_overloads: ['a', 'b'].map((category) => ({ category, drop_percentage: { numerator: 1 } })) },
    },
  },
  'more drops than there are requests': {
    load_assignment: {
      cluster_name: 'c',
      policy: { drop_overloads: [{ category: 'a', drop_percentage: { numerator: 101 } }] },
    },
  },
  'a failure rate that shrinks': {
    type: 'STRICT_DNS',
    dns_failure_refresh_rate: { base_interval: '3s', max_interval: '2s' },
  },
  'a priority beyond the limit': {
    load_assignment: { cluster_name: 'c', endpoints: [{ priority: 129, lb_endpoints: [] }] },
  },
  'a host of weight nothing': {
    load_assignment: {
      cluster_name: 'c',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(80) }, load_balancing_weight: 0 }] }],
    },
  },
  'no options of a protocol': { typed_extension_protocol_options: { [`envoy.${HTTP}`]: typed(HTTP) } },
  'an explicit protocol that is none': protocol({ explicit_http_config: {} }),
  'the protocol of the client': protocol({
    explicit_http_config: undefined,
    use_downstream_protocol_config: { http_protocol_options: {} },
  }),
  'a protocol by ALPN without TLS': protocol({ explicit_http_config: undefined, auto_config: {} }),
  'a protocol by ALPN with TLS': {
    ...protocol({ explicit_http_config: undefined, auto_config: {} }),
    transport_socket: { name: 'tls', typed_config: TLS },
  },
  'a protocol by ALPN with TLS for some': {
    ...protocol({ explicit_http_config: undefined, auto_config: {} }),
    transport_socket: { name: 'tls', typed_config: TLS },
    transport_socket_matches: [{ name: 'm', transport_socket: { name: 'raw', typed_config: RAW } }],
  },
  'protocol options under another name': { typed_extension_protocol_options: { mine: typed(HTTP) } },
  'protocol options of another type': { typed_extension_protocol_options: { [`envoy.${HTTP}`]: RAW } },
  'a router among the filters of the upstream': protocol({
    http_filters: [{ name: 'x', typed_config: typed('extensions.filters.http.router.v3.Router') }],
  }),
  'both older protocols': { http_protocol_options: {}, http2_protocol_options: {} },
  'one choice among hosts': { lb_policy: 'LEAST_REQUEST', least_request_lb_config: { choice_count: 1 } },
  'a bias without a runtime key': {
    lb_policy: 'LEAST_REQUEST',
    least_request_lb_config: { active_request_bias: { default_value: 0.5 } },
  },
  'options of another policy': { lb_policy: 'RANDOM', ring_hash_lb_config: {} },
  'a policy in a list': {
    load_balancing_policy: { policies: [{ typed_extension_config: { name: 'x', typed_config: ROUND_ROBIN } }] },
  },
  'a policy in a list, and localities in the older field': {
    load_balancing_policy: { policies: [{ typed_extension_config: { name: 'x', typed_config: ROUND_ROBIN } }] },
    common_lb_config: { locality_weighted_lb_config: {} },
  },
  'panic above all': { common_lb_config: { healthy_panic_threshold: { value: 101 } } },
  'new hosts that wait for a check': { common_lb_config: { ignore_new_hosts_until_first_hc: true } },
  'no refresh rate': { type: 'STRICT_DNS', dns_refresh_rate: '0s' },
  'a resolver by name': { type: 'STRICT_DNS', dns_resolvers: [socketAddress(53, 'here')] },
  'a resolver that is a unix socket': { type: 'STRICT_DNS', dns_resolvers: [{ pipe: { path: '/a' } }] },
  'a host of nothing': {
    load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints: [{}] }] },
  },
  'a port beyond the limit': hosts(['127.0.0.1'], { port_value: 70_000 }),
  'a host of UDP': hosts(['127.0.0.1'], { protocol: 'UDP' }),
  'sources of both families': sources(['::1']),
  'two sources of one family': sources(['127.0.0.2']),
  'three sources': sources(['::1', '::2']),
  'sources in both fields': {
    upstream_bind_config: {
      source_address: address('127.0.0.1'),
      extra_source_addresses: [{ address: address('::1') }],
      additional_source_addresses: [address('::1')],
    },
  },
  'another source without the first': {
    upstream_bind_config: { extra_source_addresses: [{ address: address('::1') }] },
  },
  'limits per host with more than connections': {
    circuit_breakers: { per_host_thresholds: [{ max_connections: 1, max_requests: 2 }] },
  },
};

for (const [name, fields] of Object.entries(CLUSTERS)) {
  test(`a cluster is judged as by Envoy: ${name}`, (t) => {
    const both = verdict(t, bootstrap([], [{ name: 'c', ...fields }]));
    assert.ok(agree(both), JSON.stringify(both, undefined, 2));
  });
}
