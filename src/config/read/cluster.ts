/**
 * A cluster: how its hosts are found, chosen and spoken to.
 * Follows envoy.config.cluster.v3.Cluster.
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { readBindConfig } from '#config/read/bind-config.ts';
import { readCircuitBreakers } from '#config/read/circuit-breakers.ts';
import { readDiscovery, readMembers } from '#config/read/cluster-discovery.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readLoadBalancing } from '#config/read/load-balancing.ts';
import { readMetadataMatcher } from '#config/read/matchers.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { REDIS_OPTIONS, readRedisOptions } from '#config/read/redis-options.ts';
import { honours } from '#config/read/support.ts';
import { readUpstreamTransport } from '#config/read/tls-contexts.ts';
import { readTransportSocketMatcher, readTransportSocketMatches } from '#config/read/transport-socket-matches.ts';
import { readConnectionOptions } from '#config/read/upstream-connection.ts';
import { readUpstreamHttp } from '#config/read/upstream-http.ts';
import type { Cluster, Cluster_PreconnectPolicy, TrackClusterStats } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';

const TYPE = 'envoy.config.cluster.v3.Cluster';
const HEALTH_CHECKS = 'health checks come later';
const HOST_HEALTH = 'it acts on health checks and outlier detection, which come later';

const check = honours(
  TYPE,
  [
    'transport_socket_matches',
    'transport_socket_matcher',
    'name',
    'alt_stat_name',
    'type',
    'cluster_type',
    'connect_timeout',
    'per_connection_buffer_limit_bytes',
    'lb_policy',
    'load_assignment',
    'eds_cluster_config',
    'max_requests_per_connection',
    'circuit_breakers',
    'upstream_http_protocol_options',
    'common_http_protocol_options',
    'http_protocol_options',
    'http2_protocol_options',
    'typed_extension_protocol_options',
    'dns_refresh_rate',
    'dns_jitter',
    'dns_failure_refresh_rate',
    'respect_dns_ttl',
    'dns_lookup_family',
    'dns_resolvers',
    'use_tcp_for_dns_lookups',
    'dns_resolution_config',
    'typed_dns_resolver_config',
    'wait_for_warm_on_init',
    'upstream_bind_config',
    'least_request_lb_config',
    'round_robin_lb_config',
    'ring_hash_lb_config',
    'maglev_lb_config',
    'common_lb_config',
    'transport_socket',
    'metadata',
    'protocol_selection',
    'upstream_connection_options',
    'load_balancing_policy',
    'track_timeout_budgets',
    'upstream_config',
    'track_cluster_stats',
    'lrs_report_endpoint_metrics',
    'preconnect_policy',
    'cleanup_interval',
    'original_dst_lb_config',
  ],
  {
    withoutEffect: {
      close_connections_on_host_health_failure: HOST_HEALTH,
      ignore_health_on_host_removal: HOST_HEALTH,
      lrs_server: 'as in Envoy, load is reported to load_stats_config of the cluster manager',
    },
    refused: {
      health_checks: HEALTH_CHECKS,
      outlier_detection: 'outlier detection comes later',
      lb_subset_config: 'subsets of hosts come later',
      filters: 'network filters of upstream connections come later',
      stats_matcher: 'write stats_config.stats_matcher in the bootstrap',
    },
  },
);
const checkPreconnect = honours(`${TYPE}.PreconnectPolicy`, [
  'per_upstream_preconnect_ratio',
  'predictive_preconnect_ratio',
  'preconnect_enabled_metadata',
]);
/** The ways to an upstream that HTTP takes anyway. */
const HTTP_POOLS = new Map(
  ['generic.v3.GenericConnectionPoolProto', 'http.v3.HttpConnectionPoolProto'].map((name) => {
    const typeName = `envoy.extensions.upstreams.http.${name}`;
    return [typeName, honours(typeName, [])];
  }),
);
const checkTracked = honours('envoy.config.cluster.v3.TrackClusterStats', [
  'timeout_budgets',
  'request_response_sizes',
]);

const DEFAULT_CONNECT_TIMEOUT = 5000;
const DEFAULT_BUFFER_LIMIT = 1024 * 1024;

/** @throws PlacedError where the cluster is of no use: its type, its policy or its way of connecting is not ours. */
export function readCluster(message: Cluster, at: Place, context: ReadContext): ClusterConfig {
  check(message, at);
  const discovery = readDiscovery(message, at, context);
  const { upstreamBindConfig: bind, upstreamConfig, name, lrsReportEndpointMetrics: metrics } = message;
  if (upstreamConfig !== undefined) checkUpstreamConfig(upstreamConfig, at.field('upstream_config'), context);
  const tracked = readTracked(message.trackClusterStats, at.field('track_cluster_stats'));
  const connectionOptions = readConnectionOptions(
    message.upstreamConnectionOptions,
    at.field('upstream_connection_options'),
  );
  const http = readHttp(message, at, context, discovery);
  const transport = readUpstreamTransport(message.transportSocket, at.field('transport_socket'), context);
  const transportSocketMatches = readTransportSocketMatches(message, at.field('transport_socket_matches'), context);
  const transportSocketMatcher = readTransportSocketMatcher(message, at.field('transport_socket_matcher'));
  if (http.protocol === 'auto') checkAlpn(name, transport, transportSocketMatches, at);
  return {
    name,
    statName: message.altStatName || name,
    discovery,
    ...readMembers(message, discovery, at),
    ...readLoadBalancing(message, at, context, discovery),
    connectTimeout: millisecondsOr(message.connectTimeout, DEFAULT_CONNECT_TIMEOUT),
    perConnectionBufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT,
    circuitBreakers: readCircuitBreakers(message.circuitBreakers, at.field('circuit_breakers')),
    http,
    transport,
    transportSocketMatches,
    ...(transportSocketMatcher === undefined ? {} : { transportSocketMatcher }),
    ...(bind && { bind: readBindConfig(bind, at.field('upstream_bind_config'), `Cluster ${name}`, context) }),
    preconnect: readPreconnect(message.preconnectPolicy, at.field('preconnect_policy')),
    ...connectionOptions,
    trackTimeoutBudgets: tracked.timeoutBudgets || message.trackTimeoutBudgets,
    trackRequestResponseSizes: tracked.requestResponseSizes,
    ...(metrics.length === 0 ? {} : { lrsReportEndpointMetrics: metrics }),
    waitForWarmOnInit: message.waitForWarmOnInit ?? true,
    metadata: readMetadata(message.metadata, at.field('metadata')),
    ...readRedisOptions(message, at, context),
  };
}

/** The cluster's own max_requests_per_connection holds beside typed options too, but not twice. */
function readHttp(
  message: Cluster,
  at: Place,
  context: ReadContext,
  discovery: ClusterConfig['discovery'],
): ClusterConfig['http'] {
  const http = withServerNames(readUpstreamHttp(message, at, context), message, discovery, at);
  const limit = message.maxRequestsPerConnection;
  if (limit === undefined) return http;
  const typed = Object.keys(message.typedExtensionProtocolOptions).some((name) => name !== REDIS_OPTIONS);
  const twice = typed
    ? http.common.maxRequestsPerConnection > 0
    : message.commonHttpProtocolOptions?.maxRequestsPerConnection !== undefined;
  if (twice) {
    const words = 'Only one of max_requests_per_connection from Cluster or HttpProtocolOptions can be specified';
    at.field('max_requests_per_connection').report(words);
  }
  return { ...http, common: { ...http.common, maxRequestsPerConnection: limit } };
}

/** A forward proxy asks every server for the name that the request gave, unless it is told that it need not. */
function withServerNames(
  http: ClusterConfig['http'],
  { upstreamHttpProtocolOptions: old, typedExtensionProtocolOptions: typed }: Cluster,
  discovery: ClusterConfig['discovery'],
  at: Place,
): ClusterConfig['http'] {
  if (discovery.kind !== 'DYNAMIC_FORWARD_PROXY') return http;
  const isSaid = old !== undefined || Object.keys(typed).length > 0;
  if (!isSaid) return { ...http, autoSni: true, autoSanValidation: true };
  if ((!http.autoSni || !http.autoSanValidation) && !discovery.allowsInsecure) {
    const words = 'dynamic_forward_proxy cluster must have auto_sni and auto_san_validation true unless';
    at.report(`${words} allow_insecure_cluster_options is set.`);
  }
  return http;
}

/** A protocol that ALPN chooses needs a transport that speaks it, for every host. */
function checkAlpn(
  name: string,
  transport: ClusterConfig['transport'],
  matches: ClusterConfig['transportSocketMatches'],
  at: Place,
): void {
  const words = `ALPN configured for cluster ${name} which has a non-ALPN transport socket`;
  if (transport.kind !== 'tls') at.report(words);
  else if (matches.some((match) => match.transport.kind !== 'tls')) at.report(`${words} matcher`);
}

function readPreconnect(message: Cluster_PreconnectPolicy | undefined, at: Place): ClusterConfig['preconnect'] {
  if (message !== undefined) checkPreconnect(message, at);
  const enabled = message?.preconnectEnabledMetadata;
  return {
    perUpstreamRatio: message?.perUpstreamPreconnectRatio ?? 1,
    predictiveRatio: message?.predictivePreconnectRatio ?? 1,
    ...(enabled && { enabledFor: readMetadataMatcher(enabled, at.field('preconnect_enabled_metadata')) }),
  };
}

function readTracked(message: TrackClusterStats | undefined, at: Place) {
  if (message !== undefined) checkTracked(message, at);
  return {
    timeoutBudgets: message?.timeoutBudgets ?? false,
    requestResponseSizes: message?.requestResponseSizes ?? false,
  };
}

function checkUpstreamConfig({ name, typedConfig }: TypedExtensionConfig, at: Place, context: ReadContext): void {
  const place = at.field('typed_config');
  const { typeName, message } = extensionMessage(typedConfig, name, place, context);
  const checkPool = HTTP_POOLS.get(typeName);
  if (checkPool === undefined) throw unsupportedExtension(name, typeName, 'upstream', place);
  checkPool(message, place);
}
