/**
 * Virtual host and route of a request; and where a route takes only a share of its requests, where the rest goes.
 * Follows envoy.config.route.v3.VirtualHost and RouteMatch.runtime_fraction.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteTable } from '#config/model/route.ts';
import type { ClusterLookup, ExplainedConfiguration } from '#explain/configuration.ts';
import type { ExplainedRoute, ExplainedVirtualHost } from '#explain/explanation.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { compileRouteTable } from '#selection/compile-route-table.ts';
import type { CompiledRoute, CompiledRouteTable, CompiledVirtualHost } from '#selection/compiled-route.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';
import { routeLabel, selectRoute } from '#selection/select-route.ts';
import { hostForMatching, selectVirtualHost, withoutPort } from '#selection/select-virtual-host.ts';
import { decodeUtf8 } from '#selection/utf8-text.ts';

export interface RoutedRequest {
  virtualHost?: CompiledVirtualHost;
  route?: CompiledRoute;
  otherwise?: ExplainedRoute['otherwise'];
  withPort?: ExplainedVirtualHost['with_port'];
}

/** In no fraction but a whole one: the last number of each of Envoy's denominators. */
const OUTSIDE = 999_999;

/** @returns undefined where the routes are not in the configuration. */
export function explainRoute(
  { routes }: HttpConnectionManager,
  request: RequestUnderWay,
  { cluster: clusterNamed, runtime }: Pick<ExplainedConfiguration, 'cluster' | 'runtime'>,
  recorder: Recorder,
): RoutedRequest | undefined {
  if (routes.kind !== 'inline') return undefined;
  const table = compiled(routes.table, runtime);
  const withPort = meanName(table, request);
  const virtualHost = selectVirtualHost(table, hostForMatching(table, request), recorder);
  if (virtualHost === undefined) return {};
  const route = selectRoute(virtualHost, request, recorder);
  request.random = OUTSIDE;
  const other = selectRoute(virtualHost, request);
  request.random = 0;
  return {
    virtualHost,
    route,
    withPort,
    ...(other === route ? {} : { otherwise: describe(other, request, clusterNamed) }),
  };
}

/** Who explains many requests compiles a table once. */
const tables = new WeakMap<RouteTable, { table: CompiledRouteTable; runtime: RuntimeLookup }>();

function compiled(table: RouteTable, runtime: RuntimeLookup): CompiledRouteTable {
  const known = tables.get(table);
  if (known?.runtime === runtime) return known.table;
  const made = compileRouteTable(table, runtime);
  tables.set(table, { table: made, runtime });
  return made;
}

/**
 * A port in the URL says first of all where to connect. Where the name without it has a virtual host of its own, that one is followed.
 * @returns where the Host field with the port leads, if that is elsewhere.
 */
function meanName(table: CompiledRouteTable, request: RequestUnderWay): ExplainedVirtualHost['with_port'] {
  const sent = request.host;
  const name = withoutPort(sent);
  if (!request.hostOfUrl || name === sent || table.config.vhostHeader !== '') return undefined;
  const reached = selectVirtualHost(table, sent);
  const meant = selectVirtualHost(table, name);
  if (meant === undefined || meant === reached) return undefined;
  request.host = name;
  return { host: decodeUtf8(sent), virtual_host: reached?.config.name ?? '' };
}

function describe(
  route: CompiledRoute | undefined,
  { headers }: RequestUnderWay,
  clusterNamed: ClusterLookup,
): ExplainedRoute['otherwise'] {
  if (route === undefined) return { route: '', status: 404 };
  const { action } = route.config;
  const name = routeLabel(route);
  if (action.kind === 'redirect') return { route: name, status: action.responseCode };
  if (action.kind === 'direct_response') return { route: name, status: action.status };
  if (action.kind === 'non_forwarding') return { route: name, status: 503 };
  const choice = action.cluster;
  if (choice.kind === 'weighted_clusters') return { route: name };
  const cluster = choice.kind === 'cluster' ? choice.name : (headers.get(choice.header) ?? '');
  const known = clusterNamed(cluster) !== undefined;
  return { route: name, cluster, ...(known ? {} : { status: action.clusterNotFoundResponseCode }) };
}
