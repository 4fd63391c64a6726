/**
 * Makes a route table ready to be matched: domains into maps, matchers into conditions.
 * Follows envoy.config.route.v3.RouteConfiguration.
 */
import type { Route, RouteTable, VirtualHost } from '#config/model/route.ts';
import {
  CompiledRoute,
  CompiledRouteTable,
  CompiledVirtualHost,
  type WildcardLength,
} from '#selection/compiled-route.ts';
import { lowerAscii } from '#selection/match-string.ts';
import { compileMatcher } from '#selection/matcher-tree.ts';
import { compilePath, PathMatch, PREFIX } from '#selection/path-match.ts';
import { compilePathRewrite, type PathRewrite } from '#selection/rewrite.ts';
import { compileConditions } from '#selection/route-conditions.ts';
import { CONFIGURED_ONLY, type RuntimeLookup } from '#selection/runtime-lookup.ts';

export type { CompiledRouteTable } from '#selection/compiled-route.ts';

/** @param runtime where runtime keys of fractions and weights are looked up; without it, what is configured holds. */
export function compileRouteTable(config: RouteTable, runtime: RuntimeLookup = CONFIGURED_ONLY): CompiledRouteTable {
  const table = new CompiledRouteTable(config, runtime);
  const suffixes = new Map<number, Map<string, CompiledVirtualHost>>();
  const prefixes = new Map<number, Map<string, CompiledVirtualHost>>();
  table.virtualHosts = config.virtualHosts.map((virtualHost) => {
    const compiled = compileVirtualHost(virtualHost, table);
    for (const domain of virtualHost.domains) {
      const name = lowerAscii(domain);
      if (name === '*') table.fallback = compiled;
      else if (name.startsWith('*')) ofLength(suffixes, name.length - 1).set(name.slice(1), compiled);
      else if (name.endsWith('*')) ofLength(prefixes, name.length - 1).set(name.slice(0, -1), compiled);
      else table.exact.set(name, compiled);
    }
    return compiled;
  });
  table.suffixes = longestFirst(suffixes);
  table.prefixes = longestFirst(prefixes);
  table.onlyFallback = table.exact.size === 0 && suffixes.size === 0 && prefixes.size === 0;
  return table;
}

function ofLength(
  map: Map<number, Map<string, CompiledVirtualHost>>,
  length: number,
): Map<string, CompiledVirtualHost> {
  let entries = map.get(length);
  if (entries === undefined) {
    entries = new Map();
    map.set(length, entries);
  }
  return entries;
}

function longestFirst(map: Map<number, Map<string, CompiledVirtualHost>>): WildcardLength[] {
  return [...map].sort(([a], [b]) => b - a).map(([length, byRest]) => ({ length, byRest }));
}

function compileVirtualHost(config: VirtualHost, table: CompiledRouteTable): CompiledVirtualHost {
  const compiled = new CompiledVirtualHost(config, table);
  const compile = (route: Route) =>
    new CompiledRoute(
      route,
      compiled,
      compilePath(route.match),
      compileConditions(route.match, table.values),
      compileRewrite(route),
    );
  compiled.routes = config.routes.map(compile);
  if (config.matcher !== undefined) compiled.matcher = compileMatcher(config.matcher, (routes) => routes.map(compile));
  if (compiled.requireTls !== 0) compiled.sslRedirect = sslRedirect(compiled);
  const [first] = compiled.routes;
  if (first !== undefined && compiled.matcher === undefined && compiled.requireTls === 0 && takesAll(first)) {
    compiled.catchAll = first;
  }
  return compiled;
}

function compileRewrite({ match, action }: Route): PathRewrite | undefined {
  return action.kind === 'route' || action.kind === 'redirect' ? compilePathRewrite(match, action) : undefined;
}

function takesAll({ path, conditions }: CompiledRoute): boolean {
  return path.kind === PREFIX && path.literal === '/' && conditions.length === 0;
}

/** The route that answers where TLS is demanded: a redirect that no configuration names. */
function sslRedirect(virtualHost: CompiledVirtualHost): CompiledRoute {
  const route: Route = {
    name: '',
    match: {
      path: { kind: 'prefix', value: '' },
      caseSensitive: true,
      headers: [],
      queryParameters: [],
      cookies: [],
      grpc: false,
      dynamicMetadata: [],
      filterState: [],
    },
    action: {
      kind: 'redirect',
      httpsRedirect: true,
      schemeRedirect: '',
      hostRedirect: '',
      portRedirect: 0,
      pathRedirect: '',
      prefixRewrite: '',
      responseCode: 301,
      stripQuery: false,
    },
    headers: { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] },
    metadata: {},
    perFilterConfig: {},
    statPrefix: '',
  };
  return new CompiledRoute(route, virtualHost, new PathMatch(PREFIX, '', true), [], undefined, true);
}
