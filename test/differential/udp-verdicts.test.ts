import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, socketAddress, staticCluster, typed } from '#testing/bootstrap.ts';
import { agree, verdict } from './verdict.ts';

const UDP_PROXY = 'extensions.filters.udp.udp_proxy.v3';
const REDIS = 'extensions.filters.network.redis_proxy.v3';

const udp = (port = 0) => ({ socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: port } });
const filter = (type: string, fields: Json) => ({ name: 'f', typed_config: typed(type, fields) });
const udpProxy = (fields: Json) => filter(`${UDP_PROXY}.UdpProxyConfig`, { stat_prefix: 'p', ...fields });
const udpListener = (fields: Json, more: Json = {}) => ({
  name: 'in',
  address: udp(),
  listener_filters: [udpProxy(fields)],
  ...more,
});
const route = { action: { name: 'r', typed_config: typed(`${UDP_PROXY}.Route`, { cluster: 'c' }) } };
const input = (kind: string) => ({
  name: 'i',
  typed_config: typed(`extensions.matching.common_inputs.network.v3.${kind}`),
});
const by = (kind: string) => ({ matcher_tree: { input: input(kind), exact_match_map: { map: { a: route } } } });
const redisListener = (fields: Json) => ({
  name: 'in',
  address: socketAddress(0),
  filter_chains: [
    { filters: [filter(`${REDIS}.RedisProxy`, { stat_prefix: 'p', settings: { op_timeout: '1s' }, ...fields })] },
  ],
});
const chains = (httpListener() as { filter_chains: Json[] }).filter_chains;
const dns = (fields: Json) => ({
  name: 'in',
  address: udp(),
  listener_filters: [filter('extensions.filters.udp.dns_filter.v3.DnsFilterConfig', { stat_prefix: 'p', ...fields })],
});

/** Listeners, by what is special in them. */
const LISTENERS: Record<string, Json> = {
  'a cluster': udpListener({ cluster: 'c' }),
  'a matcher': udpListener({ matcher: { on_no_match: route } }),
  'no route': udpListener({}),
  'no stat prefix': udpListener({ cluster: 'c', stat_prefix: '' }),
  'by source port': udpListener({ matcher: by('SourcePortInput') }),
  'two hash policies': udpListener({ cluster: 'c', hash_policies: [{ source_ip: true }, { key: 'k' }] }),
  'an empty hash key': udpListener({ cluster: 'c', hash_policies: [{ key: '' }] }),
  'a hash policy that is off': udpListener({ cluster: 'c', hash_policies: [{ source_ip: false }] }),
  'datagrams of no size': udpListener({ cluster: 'c', upstream_socket_config: { max_rx_datagram_size: 0 } }),
  'datagrams of 65,536 bytes': udpListener({ cluster: 'c', upstream_socket_config: { max_rx_datagram_size: 65536 } }),
  'an idle timeout of nothing': udpListener({ cluster: 'c', idle_timeout: '0s' }),
  'a log that is flushed too often': udpListener({
    cluster: 'c',
    access_log_options: { access_log_flush_interval: '0.0001s' },
  }),
  'two filters': udpListener(
    {},
    { listener_filters: [udpProxy({ cluster: 'c' }), udpProxy({ cluster: 'c', stat_prefix: 'q' })] },
  ),
  'filter chains': udpListener({ cluster: 'c' }, { filter_chains: chains }),
  'a TCP filter': udpListener(
    {},
    { listener_filters: [filter('extensions.filters.listener.tls_inspector.v3.TlsInspector', {})] },
  ),
  'TCP beside UDP': udpListener({ cluster: 'c' }, { additional_addresses: [{ address: socketAddress(0) }] }),
  'a UDP configuration on TCP': httpListener({ listener: { udp_listener_config: {} } }),
  'Redis: a catch-all': redisListener({ prefix_routes: { catch_all_route: { cluster: 'c' } } }),
  'Redis: no settings': redisListener({ settings: undefined }),
  'Redis: no timeout': redisListener({ settings: {} }),
  'Redis: no routes': redisListener({}),
  'Redis: two equal prefixes': redisListener({
    prefix_routes: {
      routes: [
        { prefix: 'a', cluster: 'c' },
        { prefix: 'a', cluster: 'c' },
      ],
    },
  }),
  'Redis: prefixes that differ in case': redisListener({
    prefix_routes: {
      case_insensitive: true,
      routes: [
        { prefix: 'a', cluster: 'c' },
        { prefix: 'A', cluster: 'c' },
      ],
    },
  }),
  'Redis: a route without a cluster': redisListener({ prefix_routes: { routes: [{ prefix: 'a' }] } }),
  'Redis: a fault without its share': redisListener({ faults: [{ fault_type: 'ERROR' }] }),
  'DNS: nothing': dns({}),
  'DNS: no stat prefix': dns({ stat_prefix: '' }),
  'DNS: a table': dns({
    server_config: {
      inline_dns_table: { virtual_domains: [{ name: 'a.test', endpoint: { address_list: { address: ['1.2.3.4'] } } }] },
    },
  }),
  'DNS: no addresses': dns({
    server_config: { inline_dns_table: { virtual_domains: [{ name: 'a.test', endpoint: { address_list: {} } }] } },
  }),
  'DNS: no lookups': dns({ client_config: { max_pending_lookups: 0 } }),
};

/** Where we say it in words of our own, or one of us does not mind. */
const OTHER_WORDS: string[] = [];

for (const [name, listener] of Object.entries(LISTENERS)) {
  test(`checked as by Envoy: ${name}`, (t) => {
    const one = verdict(t, bootstrap([listener], [staticCluster('c', [1])]));
    if (OTHER_WORDS.includes(name)) return assert.equal(one.envoy === '', one.ours.length === 0, JSON.stringify(one));
    assert.ok(agree(one), JSON.stringify(one, null, 1));
  });
}

const address = (hosts: string[]) => ({
  load_assignment: {
    cluster_name: 'c',
    endpoints: [{ lb_endpoints: hosts.map((host) => ({ endpoint: { address: socketAddress(1, host) } })) }],
  },
});
const redisCluster = (more: Json = {}) => ({
  name: 'c',
  cluster_type: {
    name: 'envoy.clusters.redis',
    typed_config: typed('extensions.clusters.redis.v3.RedisClusterConfig'),
  },
  lb_policy: 'CLUSTER_PROVIDED',
  ...address(['127.0.0.1']),
  ...more,
});

const CLUSTERS: Record<string, Json> = {
  'a Redis cluster': redisCluster(),
  'a Redis cluster with another policy': redisCluster({ lb_policy: 'ROUND_ROBIN' }),
  'a Redis cluster of a name': redisCluster(address(['redis.test'])),
  'a ring that is too large': {
    name: 'c',
    lb_policy: 'RING_HASH',
    ring_hash_lb_config: { minimum_ring_size: 8388609 },
  },
  'a ring whose bounds are turned': {
    name: 'c',
    lb_policy: 'RING_HASH',
    ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 },
  },
  'a table of no prime': { name: 'c', lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 100 } },
  'a table that is too large': { name: 'c', lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 5000013 } },
  'names where there are none': {
    name: 'c',
    lb_policy: 'MAGLEV',
    common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
  },
};

for (const [name, cluster] of Object.entries(CLUSTERS)) {
  test(`clusters are checked as by Envoy: ${name}`, (t) => {
    const one = verdict(t, bootstrap([], [cluster]));
    if (OTHER_WORDS.includes(name)) return assert.equal(one.envoy === '', one.ours.length === 0, JSON.stringify(one));
    assert.ok(agree(one), JSON.stringify(one, null, 1));
  });
}
