/**
 * How names are resolved: the options of a cluster, and the resolver that it or the bootstrap chooses.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/dns_resolution
 */
import type { Message } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { Place } from '#api/place.ts';
import { addressText } from '#config/model/address.ts';
import type { DnsOptions } from '#config/model/cluster.ts';
import { readAddress } from '#config/read/address.ts';
import type { ReadContext, Resolver } from '#config/read/context.ts';
import { milliseconds, millisecondsOr } from '#config/read/duration.ts';
import { extensionMessage, unknownExtension, unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { Bootstrap } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { Cluster, Cluster_RefreshRate } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { Address as AddressMessage } from '#envoy/config/core/v3/address_pb.js';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type { DnsResolutionConfig, DnsResolverOptions } from '#envoy/config/core/v3/resolver_pb.js';
import type { DnsCluster, DnsCluster_RefreshRate } from '#envoy/extensions/clusters/dns/v3/dns_cluster_pb.js';
import type { DnsCacheConfig } from '#envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js';
import type { CaresDnsResolverConfig } from '#envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js';

const RESOLVERS = 'envoy.extensions.network.dns_resolver';
const CARES = `${RESOLVERS}.cares.v3.CaresDnsResolverConfig`;
const GETADDRINFO = `${RESOLVERS}.getaddrinfo.v3.GetAddrInfoDnsResolverConfig`;
const DNS_CLUSTER = 'envoy.extensions.clusters.dns.v3.DnsCluster';
const NO_CHANNELS = 'c-ares has channels, this resolver has none';

const checkResolution = honours('envoy.config.core.v3.DnsResolutionConfig', ['resolvers', 'dns_resolver_options']);
const checkOptions = honours('envoy.config.core.v3.DnsResolverOptions', [
  'use_tcp_for_dns_lookups',
  'no_default_search_domain',
]);
const checkCares = honours(
  CARES,
  [
    'resolvers',
    'use_resolvers_as_fallback',
    'dns_resolver_options',
    'query_timeout_seconds',
    'query_tries',
    'rotate_nameservers',
  ],
  {
    withoutEffect: {
      udp_max_queries: NO_CHANNELS,
      max_udp_channel_duration: NO_CHANNELS,
      reinit_channel_on_timeout: NO_CHANNELS,
    },
  },
);
const checkGetaddrinfo = honours(GETADDRINFO, [], {
  withoutEffect: { num_resolver_threads: 'names are not resolved on threads' },
});
const checkDnsCluster = honours(DNS_CLUSTER, [
  'dns_refresh_rate',
  'dns_failure_refresh_rate',
  'respect_dns_ttl',
  'dns_min_refresh_rate',
  'dns_jitter',
  'typed_dns_resolver_config',
  'dns_lookup_family',
  'all_addresses_in_single_endpoint',
]);
const checkRefreshRate = honours('envoy.config.cluster.v3.Cluster.RefreshRate', ['base_interval', 'max_interval']);
const checkDnsRefreshRate = honours(`${DNS_CLUSTER}.RefreshRate`, ['base_interval', 'max_interval']);

/** What the system's own configuration says. */
export const SYSTEM_RESOLVER: Resolver = { resolvers: [], useTcp: false, noDefaultSearchDomain: false };
const DNS_PORT = 53;
const DEFAULT_REFRESH_RATE = 5000;
const DEFAULT_CACHE_REFRESH_RATE = 60_000;
/** By number of Cluster.DnsLookupFamily. */
const LOOKUP_FAMILIES = ['AUTO', 'V4_ONLY', 'V6_ONLY', 'V4_PREFERRED', 'ALL'] as const;

/** The resolver for clusters that choose none themselves. */
export function readBootstrapResolver(bootstrap: Bootstrap, at: Place, context: ReadContext): Resolver {
  const { typedDnsResolverConfig, dnsResolutionConfig, useTcpForDnsLookups } = bootstrap;
  if (typedDnsResolverConfig !== undefined) {
    return readTypedResolver(typedDnsResolverConfig, at.field('typed_dns_resolver_config'), context);
  }
  if (dnsResolutionConfig !== undefined) return readResolution(dnsResolutionConfig, at.field('dns_resolution_config'));
  return { ...SYSTEM_RESOLVER, useTcp: useTcpForDnsLookups };
}

/** Options of a cluster by its own fields. */
export function readDnsOptions(cluster: Cluster, at: Place, bootstrap: Resolver, context: ReadContext): DnsOptions {
  return {
    ...readTimes(cluster, at, checkRefreshRate),
    respectTtl: cluster.respectDnsTtl,
    lookupFamily: LOOKUP_FAMILIES[cluster.dnsLookupFamily] ?? 'AUTO',
    ...readClusterResolver(cluster, at, bootstrap, context),
  };
}

/** Options of a cluster of the type `envoy.clusters.dns`. */
export function readDnsCluster(
  message: DnsCluster,
  at: Place,
  bootstrap: Resolver,
  context: ReadContext,
): { kind: 'STRICT_DNS' | 'LOGICAL_DNS'; dns: DnsOptions } {
  checkDnsCluster(message, at);
  const own = message.typedDnsResolverConfig;
  const resolver =
    own === undefined ? bootstrap : readTypedResolver(own, at.field('typed_dns_resolver_config'), context);
  return {
    kind: message.allAddressesInSingleEndpoint ? 'LOGICAL_DNS' : 'STRICT_DNS',
    dns: {
      ...readTimes(message, at, checkDnsRefreshRate),
      respectTtl: message.respectDnsTtl,
      ...(message.dnsMinRefreshRate && { minRefreshRate: milliseconds(message.dnsMinRefreshRate) }),
      // Here 0 is "unspecified", and the families follow.
      lookupFamily: LOOKUP_FAMILIES[Math.max(0, message.dnsLookupFamily - 1)] ?? 'AUTO',
      ...resolver,
    },
  };
}

/** Options of a cache of names. */
export function readCacheDns(message: DnsCacheConfig, at: Place, context: ReadContext): DnsOptions {
  const { dnsRefreshRate, dnsFailureRefreshRate, typedDnsResolverConfig, dnsResolutionConfig } = message;
  const bootstrap = context.dnsResolver ?? SYSTEM_RESOLVER;
  const own =
    typedDnsResolverConfig !== undefined
      ? readTypedResolver(typedDnsResolverConfig, at.field('typed_dns_resolver_config'), context)
      : dnsResolutionConfig !== undefined
        ? readResolution(dnsResolutionConfig, at.field('dns_resolution_config'))
        : { ...bootstrap, useTcp: bootstrap.useTcp || message.useTcpForDnsLookups };
  const times = readTimes({ dnsRefreshRate, dnsFailureRefreshRate }, at, checkRefreshRate);
  return {
    ...times,
    refreshRate: millisecondsOr(dnsRefreshRate, DEFAULT_CACHE_REFRESH_RATE),
    // What an answer says of its own life counts always.
    respectTtl: true,
    lookupFamily: LOOKUP_FAMILIES[message.dnsLookupFamily] ?? 'AUTO',
    ...own,
  };
}

interface DnsTimes {
  dnsRefreshRate?: Duration;
  dnsFailureRefreshRate?: (Cluster_RefreshRate | DnsCluster_RefreshRate) | undefined;
  dnsJitter?: Duration;
}

function readTimes(
  { dnsRefreshRate, dnsFailureRefreshRate: failure, dnsJitter }: DnsTimes,
  at: Place,
  check: (message: Message, at: Place) => void,
): Pick<DnsOptions, 'refreshRate' | 'failureRefreshRate' | 'jitter'> {
  const refreshRate = millisecondsOr(dnsRefreshRate, DEFAULT_REFRESH_RATE);
  const times = { refreshRate, jitter: millisecondsOr(dnsJitter, 0) };
  if (failure === undefined) {
    return { ...times, failureRefreshRate: { baseInterval: refreshRate, maxInterval: refreshRate, fixed: true } };
  }
  const place = at.field('dns_failure_refresh_rate');
  check(failure, place);
  const baseInterval = millisecondsOr(failure.baseInterval, DEFAULT_REFRESH_RATE);
  const maxInterval = failure.maxInterval === undefined ? baseInterval * 10 : milliseconds(failure.maxInterval);
  if (maxInterval < baseInterval) {
    const words = 'dns_failure_refresh_rate must have max_interval greater than or equal to the base_interval';
    place.field('max_interval').report(words);
  }
  return { ...times, failureRefreshRate: { baseInterval, maxInterval } };
}

/** A cluster's use_tcp_for_dns_lookups counts only beside its dns_resolvers, as in Envoy. */
function readClusterResolver(cluster: Cluster, at: Place, bootstrap: Resolver, context: ReadContext): Resolver {
  const { typedDnsResolverConfig, dnsResolutionConfig, dnsResolvers } = cluster;
  if (typedDnsResolverConfig !== undefined) {
    return readTypedResolver(typedDnsResolverConfig, at.field('typed_dns_resolver_config'), context);
  }
  if (dnsResolutionConfig !== undefined && dnsResolutionConfig.resolvers.length > 0) {
    return readResolution(dnsResolutionConfig, at.field('dns_resolution_config'));
  }
  if (dnsResolvers.length === 0) return bootstrap;
  return {
    resolvers: readServers(dnsResolvers, at.field('dns_resolvers')),
    useTcp: cluster.useTcpForDnsLookups,
    noDefaultSearchDomain: false,
  };
}

export function readResolution(message: DnsResolutionConfig, at: Place): Resolver {
  checkResolution(message, at);
  return {
    resolvers: readServers(message.resolvers, at.field('resolvers')),
    ...readOptions(message.dnsResolverOptions, at.field('dns_resolver_options')),
  };
}

function readOptions(message: DnsResolverOptions | undefined, at: Place) {
  if (message !== undefined) checkOptions(message, at);
  return {
    useTcp: message?.useTcpForDnsLookups ?? false,
    noDefaultSearchDomain: message?.noDefaultSearchDomain ?? false,
  };
}

export function readTypedResolver(message: TypedExtensionConfig, at: Place, context: ReadContext): Resolver {
  const place = at.field('typed_config');
  const { typeName, message: config } = extensionMessage(message.typedConfig, message.name, place, context);
  if (typeName === GETADDRINFO) {
    checkGetaddrinfo(config, place);
    return SYSTEM_RESOLVER;
  }
  if (typeName !== CARES) {
    if (typeName.startsWith(`${RESOLVERS}.`)) throw unsupportedExtension(message.name, typeName, 'DNS resolver', place);
    throw unknownExtension(message.name, typeName, place);
  }
  checkCares(config, place);
  const cares = config as CaresDnsResolverConfig;
  const { queryTimeoutSeconds, queryTries, useResolversAsFallback, rotateNameservers } = cares;
  return {
    resolvers: readServers(cares.resolvers, place.field('resolvers')),
    ...readOptions(cares.dnsResolverOptions, place.field('dns_resolver_options')),
    ...(useResolversAsFallback && { resolversAreFallback: true as const }),
    ...(rotateNameservers && { rotate: true as const }),
    ...(queryTimeoutSeconds === undefined ? {} : { queryTimeout: Number(queryTimeoutSeconds) * 1000 }),
    ...(queryTries === undefined ? {} : { queryTries }),
  };
}

/** Servers as `address:port`; port 0 is DNS's own. */
function readServers(messages: readonly AddressMessage[], at: Place): string[] {
  return readAll(messages, at, (message, place) => {
    const address = readAddress(message, place);
    if (address.kind !== 'ip') throw place.problem(`DNS resolver '${addressText(address)}' is not an IP address`);
    return addressText({ ...address, port: address.port || DNS_PORT });
  });
}
