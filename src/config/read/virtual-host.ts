/**
 * Virtual hosts: the routes of a set of domains. Follows envoy.config.route.v3.VirtualHost.
 */
import type { Place } from '#api/place.ts';
import type { VirtualHost } from '#config/model/route.ts';
import { readBufferLimit } from '#config/read/buffer-limit.ts';
import { HEADER_MUTATION_FIELDS, readHeaderMutations } from '#config/read/header-mutation.ts';
import { readHedgePolicy } from '#config/read/hedge-policy.ts';
import { readHeaderMatchers } from '#config/read/matchers.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { readMirrorPolicies } from '#config/read/mirror-policy.ts';
import { readPerFilterConfig } from '#config/read/per-filter-config.ts';
import { readAll } from '#config/read/read-all.ts';
import { readRetryPolicy } from '#config/read/retry-policy.ts';
import { readRoute } from '#config/read/route.ts';
import type { RouteContext } from '#config/read/route-context.ts';
import { readRouteMatcher } from '#config/read/route-matcher.ts';
import { honours } from '#config/read/support.ts';
import type { VirtualCluster, VirtualHost as VirtualHostMessage } from '#envoy/config/route/v3/route_components_pb.js';

const check = honours(
  'envoy.config.route.v3.VirtualHost',
  [
    'name',
    'domains',
    'routes',
    'matcher',
    'require_tls',
    'virtual_clusters',
    ...HEADER_MUTATION_FIELDS,
    'typed_per_filter_config',
    'include_request_attempt_count',
    'include_attempt_count_in_response',
    'include_is_timeout_retry_header',
    'retry_policy',
    'hedge_policy',
    'per_request_buffer_limit_bytes',
    'request_body_buffer_limit',
    'request_mirror_policies',
    'metadata',
  ],
  {
    refused: {
      rate_limits: 'rate limits come with their filters',
      cors: 'CORS comes with its filter',
      retry_policy_typed_config: 'no such extension runs here yet',
      route_specifiers: 'no such extension runs here yet',
    },
  },
);
const checkVirtualCluster = honours('envoy.config.route.v3.VirtualCluster', ['headers', 'name']);

/** By the numbers of the enum. */
const REQUIRE_TLS = ['NONE', 'EXTERNAL_ONLY', 'ALL'] as const;

export function readVirtualHost(message: VirtualHostMessage, at: Place, context: RouteContext): VirtualHost {
  check(message, at);
  const { matcher, retryPolicy } = message;
  const bufferLimit = readBufferLimit(message);
  if (matcher !== undefined && message.routes.length > 0) {
    throw at.field('matcher').problem('cannot set both matcher and routes on virtual host');
  }
  return {
    name: message.name,
    domains: message.domains,
    routes: readAll(message.routes, at.field('routes'), (route, place) => readRoute(route, place, context)),
    ...(matcher === undefined ? {} : { matcher: readRouteMatcher(matcher, at.field('matcher'), context) }),
    requireTls: REQUIRE_TLS[message.requireTls] ?? 'NONE',
    virtualClusters: readAll(message.virtualClusters, at.field('virtual_clusters'), readVirtualCluster),
    headers: readHeaderMutations(message, at),
    ...(retryPolicy === undefined
      ? {}
      : { retryPolicy: readRetryPolicy(retryPolicy, at.field('retry_policy'), context) }),
    ...readHedgePolicy(message.hedgePolicy, at.field('hedge_policy')),
    requestMirrorPolicies: readMirrorPolicies(message.requestMirrorPolicies, at.field('request_mirror_policies'), {
      ...context,
      clusterNames: undefined,
    }),
    includeRequestAttemptCount: message.includeRequestAttemptCount,
    includeAttemptCountInResponse: message.includeAttemptCountInResponse,
    includeIsTimeoutRetryHeader: message.includeIsTimeoutRetryHeader,
    ...(bufferLimit === undefined ? {} : { perRequestBufferLimitBytes: bufferLimit }),
    perFilterConfig: readPerFilterConfig(message.typedPerFilterConfig, at.field('typed_per_filter_config'), context),
    metadata: readMetadata(message.metadata, at.field('metadata')),
  };
}

function readVirtualCluster(message: VirtualCluster, at: Place): VirtualHost['virtualClusters'][number] {
  checkVirtualCluster(message, at);
  if (message.headers.length === 0) throw at.field('headers').problem("virtual clusters must define 'headers'");
  return { name: message.name, headers: readHeaderMatchers(message.headers, at.field('headers')) };
}
