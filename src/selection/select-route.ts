/**
 * Chooses the route of a request within its virtual host: the first that matches, in the order configured; or what the generic matcher says.
 * Follows envoy.config.route.v3.VirtualHost: `routes`, `matcher`, `require_tls`.
 */
import type { CompiledRoute, CompiledRouteTable, CompiledVirtualHost } from '#selection/compiled-route.ts';
import { firstFailure, MATCHED } from '#selection/condition.ts';
import { describeMatch } from '#selection/describe-match.ts';
import { evaluateMatcher } from '#selection/matcher-tree.ts';
import { describePath, matchesPath, PathUnderTest } from '#selection/path-match.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { RequestView } from '#selection/request-view.ts';
import { hostForMatching, selectVirtualHost } from '#selection/select-virtual-host.ts';

const SLASH = 47;

/** One a thread: a selection is never under way while another starts. */
const tested = new PathUnderTest();

/** Chooses virtual host and route. @returns undefined: the caller answers 404 with details `route_not_found`. */
export function selectRouteOf(
  table: CompiledRouteTable,
  request: RequestView,
  recorder?: Recorder,
): CompiledRoute | undefined {
  const virtualHost = selectVirtualHost(table, hostForMatching(table, request), recorder);
  return virtualHost === undefined ? undefined : selectRoute(virtualHost, request, recorder);
}

/** @returns the route, or undefined: the caller answers 404 with details `route_not_found`. */
export function selectRoute(
  virtualHost: CompiledVirtualHost,
  request: RequestView,
  recorder?: Recorder,
): CompiledRoute | undefined {
  const { catchAll } = virtualHost;
  if (catchAll !== undefined && request.path.charCodeAt(0) === SLASH) {
    if (recorder !== undefined) recorder.won('route', routeLabel(catchAll), describePath(catchAll.config.match));
    return catchAll;
  }
  if (virtualHost.requireTls !== 0 && demandsTls(virtualHost, request)) {
    if (recorder !== undefined)
      recorder.won('route', 'require_tls', `the virtual host requires TLS (${virtualHost.config.requireTls})`);
    return virtualHost.sslRedirect;
  }
  if (virtualHost.matcher !== undefined) {
    const routes = evaluateMatcher(virtualHost.matcher, request);
    if (routes === undefined) {
      if (recorder !== undefined) recorder.lost('route', 'matcher', 'no branch of the matcher tree takes the request');
      return undefined;
    }
    return firstMatch(routes, virtualHost, request, recorder);
  }
  return firstMatch(virtualHost.routes, virtualHost, request, recorder);
}

function firstMatch(
  routes: readonly CompiledRoute[],
  { table }: CompiledVirtualHost,
  request: RequestView,
  recorder: Recorder | undefined,
): CompiledRoute | undefined {
  tested.reset(request.path, table.config.ignorePathParametersInPathMatching);
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i];
    if (!matchesPath(route.path, tested, request)) {
      if (recorder !== undefined) recorder.lost('route', routeLabel(route), pathFailure(route, request));
      continue;
    }
    const { conditions } = route;
    const failed = conditions.length === 0 ? MATCHED : firstFailure(conditions, request);
    if (failed === MATCHED) {
      if (recorder !== undefined) recorder.won('route', routeLabel(route), describeMatch(route.config.match));
      return route;
    }
    if (recorder !== undefined) recorder.lost('route', routeLabel(route), conditions[failed].why(request));
  }
  return undefined;
}

/** Envoy asks the forwarded protocol, not the connection: a proxy before it may have ended TLS. */
function demandsTls(virtualHost: CompiledVirtualHost, request: RequestView): boolean {
  const protocol = request.headers.get('x-forwarded-proto') ?? request.scheme;
  if (protocol === 'https') return false;
  return virtualHost.requireTls === 2 || request.headers.get('x-envoy-internal') !== 'true';
}

function pathFailure(route: CompiledRoute, request: RequestView): string {
  const { match } = route.config;
  if (match.path.kind === 'connect_matcher') return `CONNECT does not match method ${request.method}`;
  return `${describePath(match)} does not match ${request.path === '' ? 'a request without a path' : tested.path}`;
}

/** A route's name, or where it has none, its place and path. */
export function routeLabel(route: CompiledRoute): string {
  if (route.config.name !== '' || route.sslRedirect) return route.config.name;
  const { routes } = route.virtualHost;
  const index = routes.indexOf(route);
  return index < 0 ? `(${describePath(route.config.match)})` : `#${index + 1}`;
}
