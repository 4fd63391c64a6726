/**
 * What a request's route asks for: the cluster that serves it, or an answer without one.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
import type { RouteAction, WeightedCluster } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { answerDirectly } from '#proxy/http/router/direct-answer.ts';
import { invalidEnvoyHeader } from '#proxy/http/router/strict-headers.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { chooseCluster } from '#selection/choose-cluster.ts';
import type { CompiledRoute, CompiledVirtualHost } from '#selection/compiled-route.ts';
import { Known } from '#wire/known-headers.ts';

export interface ChosenUpstream {
  route: CompiledRoute;
  virtualHost: CompiledVirtualHost;
  action: RouteAction;
  weighted: WeightedCluster | undefined;
  cluster: Cluster;
}

/** @returns undefined where the stream was answered */
export function chooseUpstream(stream: HttpStream): ChosenUpstream | undefined {
  const { manager, selected, selectedHost } = stream;
  const { routerStats } = manager;
  stream.weighted = undefined;
  if (selected === undefined || selectedHost === undefined) {
    routerStats.noRoute.inc();
    stream.flags |= Flag.NoRouteFound;
    sendLocalReply(stream, 404, '', 'route_not_found');
    return undefined;
  }
  if (answerDirectly(stream, manager) || refusesHeaders(stream)) return undefined;
  const action = selected.config.action as RouteAction;
  const { name, weighted } = chooseCluster(action, stream, stream.random, manager.worker.runtime);
  stream.clusterName = name;
  stream.weighted = weighted;
  const cluster = manager.worker.clusters.get(name);
  if (cluster === undefined) {
    routerStats.noCluster.inc();
    stream.flags |= Flag.NoClusterFound;
    sendLocalReply(stream, action.clusterNotFoundResponseCode, '', 'cluster_not_found');
    return undefined;
  }
  stream.cluster = cluster.config;
  return { route: selected, virtualHost: selectedHost, action, weighted, cluster };
}

/** strict_check_headers: a value that is none is answered 400. */
function refusesHeaders(stream: HttpStream): boolean {
  const { strictCheckHeaders } = stream.manager.router;
  if (strictCheckHeaders.length === 0) return false;
  const wrong = invalidEnvoyHeader(stream.requestHeaders, strictCheckHeaders);
  if (wrong === undefined) return false;
  stream.flags |= Flag.InvalidEnvoyRequestHeaders;
  const body = `invalid header '${wrong.name}' with value '${wrong.value}'`;
  sendLocalReply(stream, 400, body, `request_headers_failed_strict_check{${wrong.name}}`);
  return true;
}

/** The cluster takes no requests (runtime key upstream.maintenance_mode.<name>), or not this one (drop_overloads). @returns whether the stream was answered */
export function clusterRefuses(stream: HttpStream, cluster: Cluster): boolean {
  const { worker, router } = stream.manager;
  const overloaded = (reply: HttpStream) => {
    if (!router.suppressEnvoyHeaders) reply.responseHeaders.setKnown(Known['x-envoy-overloaded'], 'true');
  };
  if (worker.runtime.enabled(cluster.maintenance, stream.random)) {
    cluster.stats.upstreamRqMaintenanceMode.inc();
    cluster.answers.count(503, stream.internal, undefined, false);
    stream.flags |= Flag.UpstreamOverflow;
    sendLocalReply(stream, 503, 'maintenance mode', 'maintenance_mode', overloaded);
    return true;
  }
  if (!cluster.dropsRequest(stream.random)) return false;
  stream.flags |= Flag.DropOverLoad;
  sendLocalReply(stream, 503, 'drop overload', 'drop_overload', overloaded);
  return true;
}
