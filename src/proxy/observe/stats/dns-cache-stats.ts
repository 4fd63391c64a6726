/**
 * What a cache of names counts, `dns_cache.<name>.`
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/dynamic_forward_proxy_filter#statistics
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type DnsCacheStats = ReturnType<typeof dnsCacheStats>;

/** @param maxPending requests that may wait for names */
export function dnsCacheStats(scope: Scope, maxPending: number) {
  scope.gauge('circuit_breakers.rq_pending_open').set(0);
  scope.gauge('circuit_breakers.rq_pending_remaining').set(maxPending);
  return {
    cacheLoad: scope.counter('cache_load'),
    dnsAddressFilterOut: scope.counter('dns_address_filter_out'),
    dnsQueryAttempt: scope.counter('dns_query_attempt'),
    dnsQueryFailure: scope.counter('dns_query_failure'),
    dnsQuerySuccess: scope.counter('dns_query_success'),
    dnsQueryTimeout: scope.counter('dns_query_timeout'),
    dnsRqPendingOverflow: scope.counter('dns_rq_pending_overflow'),
    hostAdded: scope.counter('host_added'),
    hostAddressChanged: scope.counter('host_address_changed'),
    hostOverflow: scope.counter('host_overflow'),
    hostRemoved: scope.counter('host_removed'),
    numHosts: scope.gauge('num_hosts'),
  };
}
