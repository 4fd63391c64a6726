/**
 * A cache of names that requests give, resolved as they come.
 * Follows envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig.
 */
import type { Place } from '#api/place.ts';
import type { DnsCacheConfig } from '#config/model/cluster.ts';
import { readSocketAddress } from '#config/read/address.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readCacheDns } from '#config/read/dns.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { DnsCacheConfig as DnsCacheConfigMessage } from '#envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js';

const PACKAGE = 'envoy.extensions.common.dynamic_forward_proxy.v3';
const check = honours(
  `${PACKAGE}.DnsCacheConfig`,
  [
    'name',
    'dns_lookup_family',
    'dns_refresh_rate',
    'dns_min_refresh_rate',
    'host_ttl',
    'max_hosts',
    'disable_dns_refresh_on_failure',
    'dns_failure_refresh_rate',
    'dns_cache_circuit_breaker',
    'use_tcp_for_dns_lookups',
    'dns_resolution_config',
    'typed_dns_resolver_config',
    'preresolve_hostnames',
    'dns_query_timeout',
  ],
  {
    refused: {
      key_value_config: 'names are kept in memory alone',
      resolved_address_filter: 'every address of a name is taken',
    },
  },
);
const checkBreaker = honours(`${PACKAGE}.DnsCacheCircuitBreakers`, ['max_pending_requests']);

const DEFAULTS = { minRefreshRate: 5000, hostTtl: 300_000, maxHosts: 1024, maxPending: 1024, queryTimeout: 5000 };

export function readDnsCache(message: DnsCacheConfigMessage, at: Place, context: ReadContext): DnsCacheConfig {
  check(message, at);
  const { dnsCacheCircuitBreaker: breaker } = message;
  if (breaker !== undefined) checkBreaker(breaker, at.field('dns_cache_circuit_breaker'));
  return {
    name: message.name,
    dns: readCacheDns(message, at, context),
    minRefreshRate: millisecondsOr(message.dnsMinRefreshRate, DEFAULTS.minRefreshRate),
    hostTtl: millisecondsOr(message.hostTtl, DEFAULTS.hostTtl),
    maxHosts: message.maxHosts ?? DEFAULTS.maxHosts,
    refreshesFailures: !message.disableDnsRefreshOnFailure,
    maxPendingRequests: breaker?.maxPendingRequests ?? DEFAULTS.maxPending,
    queryTimeout: millisecondsOr(message.dnsQueryTimeout, DEFAULTS.queryTimeout),
    preresolved: readAll(message.preresolveHostnames, at.field('preresolve_hostnames'), (one, place) => {
      const { address, port } = readSocketAddress(one, place, 'name');
      return { host: address, port };
    }),
  };
}
