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
  table.virtualHosts = config.virtualHosts.map((virtualHost) => {
    const compiled = compileVirtualHost(virtualHost, table);
    addDomains(table, compiled);
    return compiled;
  });
  settleDomains(table);
  return table;
}

/**
 * Replaces virtual hosts of a table in use: what stays is not compiled again.
 * @param hosts all of them, in order: new ones, and the places where others stand now
 * @returns those that were compiled
 */
export function changeVirtualHosts(
  table: CompiledRouteTable,
  hosts: readonly (number | VirtualHost)[],
): CompiledVirtualHost[] {
  const former = table.virtualHosts;
  const kept = new Set(hosts.filter((host) => typeof host === 'number'));
  for (let i = 0; i < former.length; i++) if (!kept.has(i)) removeDomains(table, former[i]);
  const made: CompiledVirtualHost[] = [];
  table.virtualHosts = hosts.map((host) => {
    if (typeof host === 'number') return former[host];
    const compiled = compileVirtualHost(host, table);
    addDomains(table, compiled);
    made.push(compiled);
    return compiled;
  });
  table.config = { ...table.config, virtualHosts: table.virtualHosts.map(({ config }) => config) };
  settleDomains(table);
  return made;
}

/**
 * Puts virtual hosts in the place of others in a table in use, or behind all of them: the others are not touched.
 * @returns them, compiled
 */
export function putVirtualHosts(
  table: CompiledRouteTable,
  changes: readonly { at: number; host: VirtualHost }[],
): CompiledVirtualHost[] {
  const hosts = [...table.virtualHosts];
  const configs = [...table.config.virtualHosts];
  for (const { at } of changes) if (at < hosts.length) removeDomains(table, hosts[at]);
  const made = changes.map(({ at, host }) => {
    const compiled = compileVirtualHost(host, table);
    hosts[at] = compiled;
    configs[at] = host;
    addDomains(table, compiled);
    return compiled;
  });
  table.virtualHosts = hosts;
  table.config = { ...table.config, virtualHosts: configs };
  settleDomains(table);
  return made;
}

function addDomains(table: CompiledRouteTable, host: CompiledVirtualHost): void {
  for (const domain of host.config.domains) {
    const name = lowerAscii(domain);
    if (name === '*') table.fallback = host;
    else if (name.startsWith('*')) ofLength(table.suffixes, name.length - 1).set(name.slice(1), host);
    else if (name.endsWith('*')) ofLength(table.prefixes, name.length - 1).set(name.slice(0, -1), host);
    else table.exact.set(name, host);
  }
}

function removeDomains(table: CompiledRouteTable, host: CompiledVirtualHost): void {
  for (const domain of host.config.domains) {
    const name = lowerAscii(domain);
    if (name === '*') table.fallback = undefined;
    else if (name.startsWith('*')) ofLength(table.suffixes, name.length - 1).delete(name.slice(1));
    else if (name.endsWith('*')) ofLength(table.prefixes, name.length - 1).delete(name.slice(0, -1));
    else table.exact.delete(name);
  }
}

/** After domains came or went: the longest wildcards first, no length that nobody has. */
function settleDomains(table: CompiledRouteTable): void {
  table.suffixes = longestFirst(table.suffixes);
  table.prefixes = longestFirst(table.prefixes);
  table.onlyFallback = table.exact.size === 0 && table.suffixes.length === 0 && table.prefixes.length === 0;
}

function ofLength(wildcards: WildcardLength[], length: number): Map<string, CompiledVirtualHost> {
  let entry = wildcards.find((other) => other.length === length);
  if (entry === undefined) {
    entry = { length, byRest: new Map() };
    wildcards.push(entry);
  }
  return entry.byRest;
}

function longestFirst(wildcards: readonly WildcardLength[]): WildcardLength[] {
  return wildcards.filter(({ byRest }) => byRest.size > 0).sort((a, b) => b.length - a.length);
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
