/**
 * The request as the upstream gets it, with the timeouts and retries that hold: what the router does, in its order.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { HedgePolicy, MirrorPolicy, RetryPolicy, RouteAction } from '#config/model/route.ts';
import type { RouterConfig } from '#config/model/router.ts';
import { commonHostname } from '#explain/describe-hosts.ts';
import type { ExplainedRetries, ExplainedUpstream } from '#explain/explanation.ts';
import { type FillFormat, mutateRequestHeaders } from '#explain/mutate-headers.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import type { ChosenCluster } from '#selection/choose-cluster.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import { pathEnd } from '#selection/path-match.ts';
import { rewriteHost, rewritePath } from '#selection/rewrite.ts';
import { decodeUtf8 } from '#selection/utf8-text.ts';

/** Of a route that says nothing. */
const DEFAULT_TIMEOUT = 15_000;
/** Stands for a name that depends on the host that the load balancer takes. */
const HOST_NAME = "(the host's name)";

export interface ForwardedTo {
  manager: HttpConnectionManager;
  route: CompiledRoute;
  action: RouteAction;
  cluster: ClusterConfig;
  chosen: ChosenCluster;
}

/** The request is changed. */
export function forwardRequest(request: RequestUnderWay, to: ForwardedTo, fill: FillFormat): ExplainedUpstream {
  const { manager, route, action, cluster, chosen } = to;
  const router = manager.httpFilters.at(-1)?.config as RouterConfig;
  const { virtualHost } = route;
  const { retryPolicy: ofCluster } = cluster.http;
  const ofRoute = action.retryPolicy ?? virtualHost.config.retryPolicy;
  const hedged = takeHedging(request, action.hedgePolicy ?? virtualHost.config.hedgePolicy);
  const timeouts = takeTimeouts(request, action, ofRoute?.perTryTimeout ?? 0, router, hedged);
  const level = ofCluster ? 'cluster' : action.retryPolicy ? 'route' : 'virtual host';
  const retries = takeRetries(request, ofCluster ?? ofRoute, timeouts.perTry, level, hedged);
  mutateRequestHeaders(request.headers, route, chosen.weighted, fill);
  rewrite(request, to, router.suppressEnvoyHeaders, fill);
  if (virtualHost.config.includeRequestAttemptCount) request.headers.set('x-envoy-attempt-count', '1');
  const mirrors = (cluster.http.requestMirrorPolicies ?? mirrorsOf(action, route)).map(
    ({ cluster: name, clusterHeader }) => name || `(header ${clusterHeader})`,
  );
  const idle = action.idleTimeout ?? manager.streamIdleTimeout;
  const longest = action.maxStreamDuration?.maxStreamDuration ?? manager.common.maxStreamDuration;
  return {
    cluster: cluster.name,
    method: request.method,
    host: decodeUtf8(request.host),
    path: decodeUtf8(request.path),
    headers: request.headers.list(),
    ...(cluster.transport.kind === 'tls' ? { tls: { server_name: serverName(cluster, request) } } : {}),
    timeout_ms: timeouts.global,
    timeout_from: timeouts.from,
    ...(idle > 0 ? { idle_timeout_ms: idle } : {}),
    ...(longest === undefined || longest === 0 ? {} : { max_stream_duration_ms: longest }),
    ...(action.priority === 'HIGH' ? { priority: action.priority } : {}),
    ...(retries === undefined ? {} : { retries }),
    ...(mirrors.length === 0 ? {} : { mirrors }),
  };
}

/** The route's timeouts, or what the request's own headers ask for; 0 is none. */
function takeTimeouts(
  { headers }: RequestUnderWay,
  action: RouteAction,
  perTryOfPolicy: number,
  router: RouterConfig,
  hedged: boolean,
): { global: number; from: NonNullable<ExplainedUpstream['timeout_from']>; perTry: number } {
  const asked = headers.take('x-envoy-upstream-rq-timeout-ms');
  const expected = router.respectExpectedRqTimeout ? headers.get('x-envoy-expected-rq-timeout-ms') : undefined;
  const ofRequest = milliseconds(asked ?? expected);
  const global = ofRequest ?? action.timeout;
  let perTry = milliseconds(headers.take('x-envoy-upstream-rq-per-try-timeout-ms')) ?? perTryOfPolicy;
  if (perTry >= global && global !== 0) perTry = 0;
  const told = perTry > 0 && !hedged ? perTry : global;
  if (told > 0 && !router.suppressEnvoyHeaders) headers.set('x-envoy-expected-rq-timeout-ms', String(told));
  const from = ofRequest === undefined ? (action.timeout === DEFAULT_TIMEOUT ? 'default' : 'route') : 'request';
  return { global, from, perTry };
}

function milliseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

/** What the policy says and the request's own headers add. @returns undefined where nothing is retried. */
function takeRetries(
  { headers }: RequestUnderWay,
  policy: RetryPolicy | undefined,
  perTry: number,
  level: ExplainedRetries['from'],
  hedged: boolean,
): ExplainedRetries | undefined {
  const asked = ['x-envoy-retry-on', 'x-envoy-retry-grpc-on'].flatMap((name) => headers.take(name)?.split(',') ?? []);
  const maximum = headers.take('x-envoy-max-retries');
  for (const name of ['x-envoy-retriable-status-codes', 'x-envoy-retriable-header-names']) headers.remove(name);
  const on = [...new Set([...(policy?.retryOn ?? []), ...asked.map((word) => word.trim())])];
  if (on.length === 0) return undefined;
  const number = maximum !== undefined && /^\d+$/.test(maximum) ? Number(maximum) : (policy?.numRetries ?? 1);
  const from = policy === undefined ? 'request' : level;
  return { from, on, number, per_try_timeout_ms: perTry, ...(hedged && perTry > 0 ? { hedged } : {}) };
}

/** The request's own word goes before the policy. */
function takeHedging({ headers }: RequestUnderWay, policy: HedgePolicy | undefined): boolean {
  const asked = headers.take('x-envoy-hedge-on-per-try-timeout');
  if (asked === 'true' || asked === 'false') return asked === 'true';
  return policy?.hedgeOnPerTryTimeout ?? false;
}

function rewrite(request: RequestUnderWay, to: ForwardedTo, suppressEnvoyHeaders: boolean, fill: FillFormat): void {
  const { headers } = request;
  const ofShare = to.chosen.weighted?.hostRewriteLiteral ?? '';
  if (ofShare !== '') request.host = ofShare;
  const host = hostOf(request, to, fill);
  if (host !== undefined && host !== '') {
    if (to.action.appendXForwardedHost) {
      const before = headers.joined('x-forwarded-host');
      headers.set('x-forwarded-host', before === undefined ? request.host : `${before},${request.host}`);
    }
    if (!suppressEnvoyHeaders) headers.set('x-envoy-original-host', request.host);
    request.host = host;
  }
  const path = pathOf(request, to, fill);
  if (path === undefined) return;
  if (!suppressEnvoyHeaders) headers.set('x-envoy-original-path', request.path);
  request.path = path;
}

function hostOf(request: RequestUnderWay, { action, cluster }: ForwardedTo, fill: FillFormat): string | undefined {
  if (action.hostRewrite?.kind === 'format') return fill(action.hostRewrite.format, '-');
  return rewriteHost(action, request, commonHostname(cluster) ?? HOST_NAME);
}

/** A format says what stands before the query, which is kept. */
function pathOf(request: RequestUnderWay, { action, route }: ForwardedTo, fill: FillFormat): string | undefined {
  if (action.pathRewrite === '') return rewritePath(route, request.path);
  return fill(action.pathRewrite) + request.path.slice(pathEnd(request.path));
}

/** The policies of the nearest level that has any. */
function mirrorsOf(action: RouteAction, { virtualHost }: CompiledRoute): readonly MirrorPolicy[] {
  const levels = [action, virtualHost.config, virtualHost.table.config];
  return levels.find((level) => level.requestMirrorPolicies.length > 0)?.requestMirrorPolicies ?? [];
}

function serverName({ http, transport }: ClusterConfig, request: RequestUnderWay): string {
  if (!http.autoSni) return transport.kind === 'tls' ? transport.tls.sni : '';
  const named = http.overrideAutoSniHeader === '' ? undefined : request.headers.get(http.overrideAutoSniHeader);
  return (named ?? request.host).replace(/:\d+$/, '');
}
