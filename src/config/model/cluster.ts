/**
 * Clusters and endpoints as plain data. Times in milliseconds, 0 is off. Follows config.cluster.v3 and config.endpoint.v3.
 */

import type { Address } from './address.ts';
import type { ConfigSource } from './config-source.ts';
import type {
  CommonHttpProtocolOptions,
  Http1ProtocolOptions,
  Http2ProtocolOptions,
} from './http-connection-manager.ts';
import type { MatcherTree } from './matcher-tree.ts';
import type { MetadataMatcher, RuntimeDouble } from './matchers.ts';
import type { HashPolicy, Metadata, MirrorPolicy, RetryPolicy } from './route.ts';
import type { SocketOption } from './socket-option.ts';
import type { UpstreamTransport } from './tls.ts';

/** When the slots of a Redis cluster are asked for before their time. */
export interface EarlyRefresh {
  /** Milliseconds after one such refresh in which nothing counts. */
  interval: number;
  /** After so many redirections, or failed commands; 0: never. */
  redirections: number;
  failures: number;
}

export interface ClusterConfig {
  name: string;
  /** Prefix of its stats: alt_stat_name, or the name. */
  statName: string;
  discovery:
    | { kind: 'STATIC' }
    | { kind: 'STRICT_DNS' | 'LOGICAL_DNS'; dns: DnsOptions }
    | { kind: 'EDS'; serviceName: string; source: ConfigSource }
    | { kind: 'ORIGINAL_DST'; originalDst: OriginalDstOptions }
    | { kind: 'DYNAMIC_FORWARD_PROXY'; cache: DnsCacheConfig; allowsInsecure: boolean }
    | { kind: 'AGGREGATE'; clusters: string[] }
    | { kind: 'REDIS'; dns: DnsOptions; refreshRate: number; refreshTimeout: number; early: EarlyRefresh };
  loadAssignment?: LoadAssignment;
  lbPolicy: 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM' | 'RING_HASH' | 'MAGLEV' | 'CLUSTER_PROVIDED';
  lbConfig: {
    choiceCount: number;
    activeRequestBias: RuntimeDouble;
    /** Of LEAST_REQUEST; N_CHOICES where undefined. */
    selectionMethod?: 'N_CHOICES' | 'FULL_SCAN';
    slowStart?: { window: number; aggression: RuntimeDouble; minWeightPercent: number };
    ringHash?: RingHashConfig;
    maglev?: MaglevConfig;
  };
  commonLb: {
    healthyPanicThreshold: number;
    localityWeighted: boolean;
    /** When members come or go, all connections are left behind. */
    closesOnChange?: true;
    zoneAware?: ZoneAware;
  };
  connectTimeout: number;
  perConnectionBufferLimitBytes: number;
  circuitBreakers: { DEFAULT: CircuitBreakerThresholds; HIGH: CircuitBreakerThresholds };
  http: UpstreamHttpOptions;
  transport: UpstreamTransport;
  transportSocketMatches: { name: string; match: { [key: string]: unknown }; transport: UpstreamTransport }[];
  /** Chooses one of those by its name, whatever their `match` says. */
  transportSocketMatcher?: MatcherTree<string>;
  bind?: UpstreamBindConfig;
  /** `enabledFor` says by the metadata of hosts which get connections ahead; absent: all do. */
  preconnect: { perUpstreamRatio: number; predictiveRatio: number; enabledFor?: MetadataMatcher };
  /** Whose addresses are tried first, where hosts have several. */
  firstFamily?: 4 | 6;
  tcpKeepalive?: { probes?: number; time?: number; interval?: number };
  trackTimeoutBudgets: boolean;
  trackRequestResponseSizes: boolean;
  /** Metrics that endpoints tell of themselves, for load reports: `cpu_utilization`, `named_metrics.*`. */
  lrsReportEndpointMetrics?: string[];
  waitForWarmOnInit: boolean;
  metadata: Metadata;
  /** How connections to Redis hosts begin. */
  redis?: RedisCredentials;
}

/** Follows LocalityLbConfig.ZoneAwareLbConfig of load_balancing_policies.common.v3. */
export interface ZoneAware {
  routingEnabled: number;
  minClusterSize: number;
  failTrafficOnPanic: boolean;
  /** With so many healthy hosts, the own zone gets everything; absent: only as its share allows. */
  forceLocalFrom?: number;
  /** Shares are those of weights, not of hosts. */
  byWeight?: true;
}

/** Follows extensions.filters.network.redis_proxy.v3.RedisProtocolOptions. */
export interface RedisCredentials {
  authUsername: string;
  authPassword: string;
}

/** Follows Cluster.RingHashLbConfig. */
export interface RingHashConfig {
  minimumRingSize: number;
  maximumRingSize: number;
  hashFunction: 'XX_HASH' | 'MURMUR_HASH_2';
  /** Hosts stand where their names hash to, not their addresses. */
  useHostname: boolean;
  /** Percent of its share of the requests under way that a host may have; absent: as many as come. */
  balanceFactor?: number;
}

/** Follows Cluster.MaglevLbConfig. */
export interface MaglevConfig {
  tableSize: number;
  useHostname: boolean;
  balanceFactor?: number;
}

export interface DnsOptions {
  refreshRate: number;
  /** Grows from base to max with jitter, or is always the same where `fixed`: dns_failure_refresh_rate is not set. */
  failureRefreshRate: { baseInterval: number; maxInterval: number; fixed?: boolean };
  respectTtl: boolean;
  /** TTLs below this are lengthened to it. */
  minRefreshRate?: number;
  jitter: number;
  lookupFamily: 'AUTO' | 'V4_ONLY' | 'V6_ONLY' | 'V4_PREFERRED' | 'ALL';
  /** Custom resolvers as ip:port; empty: the system's. */
  resolvers: string[];
  /** The system's servers come before those, if it names any. */
  resolversAreFallback?: true;
  /** Each question goes to any of them. */
  rotate?: true;
  useTcp: boolean;
  noDefaultSearchDomain: boolean;
  /** How long one query may take, and how often it is tried; undefined: c-ares' defaults (5 s, 4 times). */
  queryTimeout?: number;
  queryTries?: number;
}

/** Where else than at its connection's destination a request may go. */
export interface OriginalDstOptions {
  /** A header with an address, in lower case. */
  header?: string;
  /** Dynamic metadata with an address. */
  metadata?: { filter: string; path: string[] };
  /** In place of the destination's port. */
  port?: number;
  cleanupInterval: number;
}

/** Names that requests give, resolved once for all workers. Clusters and filters that name the same cache share it. */
export interface DnsCacheConfig {
  name: string;
  dns: DnsOptions;
  minRefreshRate: number;
  /** How long a name stays that nobody asks for. */
  hostTtl: number;
  maxHosts: number;
  refreshesFailures: boolean;
  /** Requests that wait for names, of all workers together. */
  maxPendingRequests: number;
  queryTimeout: number;
  preresolved: { host: string; port: number }[];
}

export interface CircuitBreakerThresholds {
  maxConnections: number;
  maxPendingRequests: number;
  maxRequests: number;
  maxRetries: number;
  retryBudget?: { budgetPercent: number; minRetryConcurrency: number };
  trackRemaining: boolean;
  maxConnectionPools: number;
  /** Undefined: no limit. */
  perHostMaxConnections?: number;
}

export interface UpstreamHttpOptions {
  protocol: 'http1' | 'http2' | 'auto' | 'use_downstream';
  common: CommonHttpProtocolOptions;
  http1: Http1ProtocolOptions;
  http2: Http2ProtocolOptions;
  autoSni: boolean;
  autoSanValidation: boolean;
  overrideAutoSniHeader: string;
  /** Policies of all requests to this cluster, in place of those of their routes. */
  retryPolicy?: RetryPolicy;
  hashPolicy?: HashPolicy[];
  requestMirrorPolicies?: MirrorPolicy[];
}

export interface UpstreamBindConfig {
  sourceAddress?: string;
  sourcePort: number;
  /** For sockets of connections, in the order in which they are set. */
  socketOptions: SocketOption[];
  /** For hosts whose addresses are of this one's family, not of that of the source above. */
  extraSource?: { address: string; port: number; socketOptions?: SocketOption[] };
}

export interface LoadAssignment {
  clusterName: string;
  endpoints: LocalityEndpoints[];
  overprovisioningFactor: number;
  weightedPriorityHealth: boolean;
  dropOverloads: { category: string; numerator: number; denominator: number }[];
  /** Whole milliseconds after which endpoints that were fetched are gone unless some came anew; 0: they stay. */
  staleAfter?: number;
}

export interface Locality {
  region: string;
  zone: string;
  subZone: string;
}

export interface LocalityEndpoints {
  locality: Locality;
  priority: number;
  /** Undefined: not set; 0 hosts get no traffic where localities are weighted. */
  weight?: number;
  endpoints: Endpoint[];
}

export type HealthStatus = 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'TIMEOUT' | 'DEGRADED';

export interface Endpoint {
  address: Address;
  additionalAddresses: Address[];
  hostname: string;
  healthStatus: HealthStatus;
  weight: number;
  metadata: Metadata;
}
