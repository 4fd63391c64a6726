import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readBootstrapResolver, readDnsCluster, readDnsOptions, SYSTEM_RESOLVER } from '#config/read/dns.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { DnsCluster } from '#envoy/extensions/clusters/dns/v3/dns_cluster_pb.js';
import { type Json, socketAddress, typed } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const RESOLVERS = 'extensions.network.dns_resolver';
const OWN = { ...SYSTEM_RESOLVER, resolvers: ['10.0.0.1:53'] };

function read(fields: Json) {
  const options = (message: Cluster, at: Place, context: ReadContext) => readDnsOptions(message, at, OWN, context);
  return readMessage('envoy.config.cluster.v3.Cluster', { name: 'c', ...fields }, options);
}

function readCluster(fields: Json) {
  const options = (message: DnsCluster, at: Place, context: ReadContext) => readDnsCluster(message, at, OWN, context);
  return readMessage('envoy.extensions.clusters.dns.v3.DnsCluster', fields, options);
}

function cares(fields: Json): Json {
  return { name: 'x', typed_config: typed(`${RESOLVERS}.cares.v3.CaresDnsResolverConfig`, fields) };
}

test('names are resolved every five seconds, by the resolver of the bootstrap', () => {
  assert.deepEqual(read({}).value, {
    refreshRate: 5000,
    failureRefreshRate: { baseInterval: 5000, maxInterval: 5000, fixed: true },
    respectTtl: false,
    jitter: 0,
    lookupFamily: 'AUTO',
    ...OWN,
  });
});

test('failures back off to ten times the base unless a limit is given', () => {
  const failure = (rate: Json) => read({ dns_failure_refresh_rate: rate });
  assert.deepEqual(failure({ base_interval: '1s' }).value?.failureRefreshRate, {
    baseInterval: 1000,
    maxInterval: 10_000,
  });
  assert.match(
    failure({ base_interval: '2s', max_interval: '1s' }).errors[0],
    /must have max_interval greater than or equal to the base_interval$/,
  );
});

test('a cluster may have resolvers of its own, in three places', () => {
  const server = socketAddress(0, '10.0.0.2');
  const expected = ['10.0.0.2:53'];
  assert.deepEqual(read({ dns_resolvers: [server] }).value?.resolvers, expected);
  assert.deepEqual(read({ dns_resolution_config: { resolvers: [server] } }).value?.resolvers, expected);
  const typedOne = read({
    typed_dns_resolver_config: cares({
      resolvers: [server],
      query_timeout_seconds: 2,
      query_tries: 1,
      use_resolvers_as_fallback: true,
      rotate_nameservers: true,
    }),
  });
  assert.deepEqual(typedOne.value?.resolvers, expected);
  assert.equal(typedOne.value?.queryTimeout, 2000);
  assert.equal(typedOne.value?.queryTries, 1);
  assert.equal(typedOne.value?.resolversAreFallback, true);
  assert.equal(typedOne.value?.rotate, true);
});

test('TCP by the older field counts only beside resolvers of the cluster, as in Envoy', () => {
  assert.equal(read({ use_tcp_for_dns_lookups: true }).value?.useTcp, false);
  const both = { use_tcp_for_dns_lookups: true, dns_resolvers: [socketAddress(53, '10.0.0.2')] };
  assert.equal(read(both).value?.useTcp, true);
});

test('getaddrinfo is the resolver of the system', () => {
  const typedConfig = typed(`${RESOLVERS}.getaddrinfo.v3.GetAddrInfoDnsResolverConfig`);
  const { value } = read({ typed_dns_resolver_config: { name: 'x', typed_config: typedConfig } });
  assert.deepEqual(value?.resolvers, []);
});

test('a server that is no address is refused in the words of Envoy', () => {
  const { errors } = read({ dns_resolvers: [{ pipe: { path: '/run/dns' } }] });
  assert.deepEqual(errors, ["dns_resolvers[0]: DNS resolver '/run/dns' is not an IP address"]);
});

test('a DNS cluster is logical where all addresses are one endpoint, and counts families from 1', () => {
  assert.equal(readCluster({}).value?.kind, 'STRICT_DNS');
  assert.equal(readCluster({ all_addresses_in_single_endpoint: true }).value?.kind, 'LOGICAL_DNS');
  assert.equal(readCluster({ dns_lookup_family: 'V6_ONLY' }).value?.dns.lookupFamily, 'V6_ONLY');
  assert.equal(readCluster({}).value?.dns.lookupFamily, 'AUTO');
});

test('the bootstrap has a resolver for all', () => {
  const BOOTSTRAP = 'envoy.config.bootstrap.v3.Bootstrap';
  const bare = readMessage(BOOTSTRAP, { use_tcp_for_dns_lookups: true }, readBootstrapResolver);
  assert.deepEqual(bare.value, { ...SYSTEM_RESOLVER, useTcp: true });
  const own = readMessage(
    BOOTSTRAP,
    { typed_dns_resolver_config: cares({ resolvers: [socketAddress(5353, '::1')] }) },
    readBootstrapResolver,
  );
  assert.deepEqual(own.value?.resolvers, ['[::1]:5353']);
});
