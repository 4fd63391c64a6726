/**
 * Copies of requests for other clusters. Follows envoy.config.route.v3.RouteAction.RequestMirrorPolicy.
 */
import type { Place } from '#api/place.ts';
import type { MirrorPolicy } from '#config/model/route.ts';
import { readRuntimeFraction } from '#config/read/matchers.ts';
import { readAll } from '#config/read/read-all.ts';
import { checkCluster, type RouteContext } from '#config/read/route-context.ts';
import { honours } from '#config/read/support.ts';
import type { RouteAction_RequestMirrorPolicy } from '#envoy/config/route/v3/route_components_pb.js';

const check = honours(
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy',
  ['cluster', 'cluster_header', 'runtime_fraction', 'disable_shadow_host_suffix_append', 'host_rewrite_literal'],
  {
    withoutEffect: { trace_sampled: 'nothing is traced yet' },
    refused: { request_headers_mutations: 'a copy has the headers of its request' },
  },
);

/** Envoy checks the clusters of a route's own policies alone. @param context its `clusterNames` undefined for other policies. */
export function readMirrorPolicies(
  messages: readonly RouteAction_RequestMirrorPolicy[],
  at: Place,
  context: Pick<RouteContext, 'clusterNames'>,
): MirrorPolicy[] {
  return readAll(messages, at, (message, place) => readMirrorPolicy(message, place, context));
}

function readMirrorPolicy(
  message: RouteAction_RequestMirrorPolicy,
  at: Place,
  context: Pick<RouteContext, 'clusterNames'>,
): MirrorPolicy {
  check(message, at);
  const { cluster, clusterHeader, runtimeFraction, disableShadowHostSuffixAppend } = message;
  if (cluster !== '' && clusterHeader !== '') {
    const words = `Only one of cluster '${cluster}' or cluster_header '${clusterHeader}' in request mirror policy can be specified`;
    throw at.problem(words);
  }
  if (cluster === '' && clusterHeader === '') {
    throw at.problem('Exactly one of cluster or cluster_header in request mirror policy need to be specified');
  }
  if (cluster !== '') checkCluster(cluster, 'shadow cluster', at.field('cluster'), context);
  return {
    cluster,
    clusterHeader: clusterHeader.toLowerCase(),
    ...(runtimeFraction === undefined ? {} : { fraction: readRuntimeFraction(runtimeFraction) }),
    hostRewriteLiteral: message.hostRewriteLiteral,
    disableShadowHostSuffixAppend,
  };
}
