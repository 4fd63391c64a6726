/**
 * What a request's route asks for: the cluster that serves it, or an answer without one.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
import type { RouteAction, WeightedCluster } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { answerDirectly } from '#proxy/http/router/direct-answer.ts';
import { RequestGroups } from '#proxy/http/router/request-groups.ts';
import { invalidEnvoyHeader } from '#proxy/http/router/strict-headers.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { chooseCluster } from '#selection/choose-cluster.ts';
import type { CompiledRoute, CompiledVirtualHost } from '#selection/compiled-route.ts';
import { isGrpc } from '#selection/route-conditions.ts';
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
export function clusterRefuses(stream: HttpStream, chosen: ChosenUpstream): boolean {
  const { cluster } = chosen;
  const { worker } = stream.manager;
  if (worker.runtime.enabled(cluster.maintenance, stream.random)) {
    cluster.stats.upstreamRqMaintenanceMode.inc();
    refuse(stream, chosen, MAINTENANCE);
    return true;
  }
  const share = cluster.dropShare;
  if (share === 0 || (share < 1 && !cluster.dropsRequest(stream.random))) return false;
  refuse(stream, chosen, share >= 1 ? DROP_ALL : DROP);
  return true;
}

interface Refusal {
  flag: number;
  body: string;
  details: string;
  /** Tells the client why. */
  header: string;
}

const MAINTENANCE: Refusal = {
  flag: Flag.UpstreamOverflow,
  body: 'maintenance mode',
  details: 'maintenance_mode',
  header: 'x-envoy-overloaded',
};
const DROP: Refusal = {
  flag: Flag.DropOverLoad,
  body: 'drop overload',
  details: 'drop_overload',
  header: 'x-envoy-drop-overload',
};
const DROP_ALL: Refusal = {
  flag: Flag.UnconditionalDropOverload,
  body: 'unconditional drop overload',
  details: 'unconditional_drop_overload',
  header: 'x-envoy-unconditional-drop-overload',
};

function refuse(stream: HttpStream, chosen: ChosenUpstream, { flag, body, details, header }: Refusal): void {
  const { cluster, virtualHost, route } = chosen;
  const { suppressEnvoyHeaders, suppressGrpcRequestFailureCodeStats } = stream.manager.router;
  cluster.countDrop(flag !== Flag.UpstreamOverflow);
  const isGrpcCall = isGrpc(stream.requestHeaders.getKnown(Known['content-type']));
  const byCode = !(suppressGrpcRequestFailureCodeStats && isGrpcCall);
  cluster.answers.count(503, stream.internal, undefined, false, byCode);
  RequestGroups.virtualCluster(virtualHost, stream)?.codes.count(503);
  RequestGroups.route(route)?.codes.count(503);
  stream.flags |= flag;
  const tell = ({ responseHeaders }: HttpStream) => {
    if (!suppressEnvoyHeaders) responseHeaders.set(header, 'true');
  };
  const last = flag !== Flag.UpstreamOverflow;
  sendLocalReply(stream, 503, body, details, last ? { decorate: tell } : { prepare: tell });
}
