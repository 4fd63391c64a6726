/**
 * Routes that forward to a cluster. Follows envoy.config.route.v3.RouteAction.
 */
import type { Place } from '#api/place.ts';
import type { ClusterChoice, RouteAction, RouteMatch } from '#config/model/route.ts';
import { millisecondsOr, optionalMilliseconds } from '#config/read/duration.ts';
import { readHashPolicies } from '#config/read/hash-policy.ts';
import { readHedgePolicy } from '#config/read/hedge-policy.ts';
import { readInternalRedirects } from '#config/read/internal-redirect.ts';
import { readMirrorPolicies } from '#config/read/mirror-policy.ts';
import { readRetryPolicy } from '#config/read/retry-policy.ts';
import { checkCluster, type RouteContext } from '#config/read/route-context.ts';
import { readHostRewrite, readPathRewrite } from '#config/read/route-rewrite.ts';
import { honours } from '#config/read/support.ts';
import { readRouteUpgradeConfigs } from '#config/read/upgrade-configs.ts';
import { readWeightedClusters } from '#config/read/weighted-clusters.ts';
import type {
  RouteAction_MaxStreamDuration,
  RouteAction as RouteActionMessage,
} from '#envoy/config/route/v3/route_components_pb.js';

const TYPE = 'envoy.config.route.v3.RouteAction';
const PLUGINS = 'no such extension runs here yet';
const RATE_LIMITS = 'rate limits come with their filters';

const check = honours(
  TYPE,
  [
    'cluster',
    'cluster_header',
    'weighted_clusters',
    'cluster_not_found_response_code',
    'prefix_rewrite',
    'regex_rewrite',
    'path_rewrite_policy',
    'path_rewrite',
    'host_rewrite_literal',
    'auto_host_rewrite',
    'host_rewrite_header',
    'host_rewrite_path_regex',
    'host_rewrite',
    'append_x_forwarded_host',
    'timeout',
    'idle_timeout',
    'max_stream_duration',
    'max_grpc_timeout',
    'grpc_timeout_offset',
    'retry_policy',
    'hedge_policy',
    'request_mirror_policies',
    'priority',
    'flush_timeout',
    'upgrade_configs',
    'hash_policy',
    'internal_redirect_policy',
    'internal_redirect_action',
    'max_internal_redirects',
  ],
  {
    withoutEffect: { metadata_match: 'it chooses among subsets of hosts; a cluster that has some is refused' },
    refused: {
      cluster_specifier_plugin: PLUGINS,
      inline_cluster_specifier_plugin: PLUGINS,
      early_data_policy: 'early data comes with HTTP/3',
      retry_policy_typed_config: 'no such extension runs here yet',
      rate_limits: RATE_LIMITS,
      include_vh_rate_limits: RATE_LIMITS,
      cors: 'CORS comes with its filter',
    },
  },
);
const checkMaxStreamDuration = honours(`${TYPE}.MaxStreamDuration`, [
  'max_stream_duration',
  'grpc_timeout_header_max',
  'grpc_timeout_header_offset',
]);

const DEFAULT_TIMEOUT = 15_000;
/** By the numbers of the enum. */
const NOT_FOUND_CODES = [503, 404, 500] as const;

/** @param match of the route, which some rewrites depend on. */
export function readRouteAction(
  message: RouteActionMessage,
  match: RouteMatch,
  at: Place,
  context: RouteContext,
): RouteAction {
  check(message, at);
  const { retryPolicy, maxStreamDuration } = message;
  const idleTimeout = optionalMilliseconds(message.idleTimeout);
  const flushTimeout = optionalMilliseconds(message.flushTimeout);
  const maxGrpcTimeout = optionalMilliseconds(message.maxGrpcTimeout);
  const grpcTimeoutOffset = optionalMilliseconds(message.grpcTimeoutOffset);
  const hostRewrite = readHostRewrite(message, at);
  const internalRedirectPolicy = readInternalRedirects(message, at, context);
  return {
    kind: 'route',
    cluster: readClusterChoice(message, at, context),
    clusterNotFoundResponseCode: NOT_FOUND_CODES[message.clusterNotFoundResponseCode] ?? 503,
    ...readPathRewrite(message, match, at),
    ...(hostRewrite === undefined ? {} : { hostRewrite }),
    appendXForwardedHost: message.appendXForwardedHost,
    // The newer field takes the place of the older one, even where it sets no limit.
    timeout: maxStreamDuration === undefined ? millisecondsOr(message.timeout, DEFAULT_TIMEOUT) : 0,
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(flushTimeout === undefined ? {} : { flushTimeout }),
    ...(maxGrpcTimeout === undefined ? {} : { maxGrpcTimeout }),
    ...(grpcTimeoutOffset === undefined ? {} : { grpcTimeoutOffset }),
    ...(maxStreamDuration === undefined
      ? {}
      : { maxStreamDuration: readMaxStreamDuration(maxStreamDuration, at.field('max_stream_duration')) }),
    ...(retryPolicy === undefined
      ? {}
      : { retryPolicy: readRetryPolicy(retryPolicy, at.field('retry_policy'), context) }),
    ...readHedgePolicy(message.hedgePolicy, at.field('hedge_policy')),
    requestMirrorPolicies: readMirrorPolicies(
      message.requestMirrorPolicies,
      at.field('request_mirror_policies'),
      context,
    ),
    priority: message.priority === 1 ? 'HIGH' : 'DEFAULT',
    hashPolicy: readHashPolicies(message.hashPolicy, at.field('hash_policy')),
    upgradeConfigs: readRouteUpgradeConfigs(message.upgradeConfigs, at.field('upgrade_configs')),
    ...(internalRedirectPolicy === undefined ? {} : { internalRedirectPolicy }),
    includeVhRateLimits: false,
  };
}

function readClusterChoice(
  { clusterSpecifier: given }: RouteActionMessage,
  at: Place,
  context: RouteContext,
): ClusterChoice {
  switch (given.case) {
    case 'cluster':
      checkCluster(given.value, 'cluster', at.field('cluster'), context);
      return { kind: 'cluster', name: given.value };
    case 'clusterHeader':
      return { kind: 'cluster_header', header: given.value.toLowerCase() };
    case 'weightedClusters':
      return readWeightedClusters(given.value, at.field('weighted_clusters'), context);
    case undefined:
      throw at.problem('one of cluster, cluster_header, weighted_clusters is required');
    default:
      // Refused above, by its name.
      return { kind: 'cluster', name: '' };
  }
}

function readMaxStreamDuration(
  message: RouteAction_MaxStreamDuration,
  at: Place,
): NonNullable<RouteAction['maxStreamDuration']> {
  checkMaxStreamDuration(message, at);
  const maxStreamDuration = optionalMilliseconds(message.maxStreamDuration);
  const grpcTimeoutHeaderMax = optionalMilliseconds(message.grpcTimeoutHeaderMax);
  const grpcTimeoutHeaderOffset = optionalMilliseconds(message.grpcTimeoutHeaderOffset);
  return {
    ...(maxStreamDuration === undefined ? {} : { maxStreamDuration }),
    ...(grpcTimeoutHeaderMax === undefined ? {} : { grpcTimeoutHeaderMax }),
    ...(grpcTimeoutHeaderOffset === undefined ? {} : { grpcTimeoutHeaderOffset }),
  };
}
