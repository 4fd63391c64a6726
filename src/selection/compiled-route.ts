/**
 * Routes ready to be matched. They are made once for a snapshot; the data path hangs what it makes of them on their `runtime` slot.
 */
import type { Route, RouteTable, VirtualHost } from '#config/model/route.ts';
import type { Condition } from '#selection/condition.ts';
import type { CompiledMatcher } from '#selection/matcher-tree.ts';
import type { PathMatch } from '#selection/path-match.ts';
import type { PathRewrite } from '#selection/rewrite.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

export class CompiledRoute {
  readonly config: Route;
  readonly virtualHost: CompiledVirtualHost;
  readonly path: PathMatch;
  readonly conditions: readonly Condition[];
  /** What the route, or its redirect, makes of a path; undefined where it stays. */
  readonly rewrite: PathRewrite | undefined;
  /** The answer of a virtual host that demands TLS: no route of the configuration, but a redirect of the whole URL to https. */
  readonly sslRedirect: boolean;
  /** For the data path alone: what it makes of the route when it first takes it. */
  runtime: unknown = undefined;

  constructor(
    config: Route,
    virtualHost: CompiledVirtualHost,
    path: PathMatch,
    conditions: readonly Condition[],
    rewrite: PathRewrite | undefined,
    sslRedirect = false,
  ) {
    this.config = config;
    this.virtualHost = virtualHost;
    this.path = path;
    this.conditions = conditions;
    this.rewrite = rewrite;
    this.sslRedirect = sslRedirect;
  }
}

export class CompiledVirtualHost {
  readonly config: VirtualHost;
  readonly table: CompiledRouteTable;
  routes: readonly CompiledRoute[] = [];
  /** The generic matcher in place of `routes`. */
  matcher: CompiledMatcher<readonly CompiledRoute[]> | undefined;
  /** The first route, where it takes every path that starts with a slash and asks nothing else. */
  catchAll: CompiledRoute | undefined;
  /** Set where `require_tls` is: 1 for requests from outside, 2 for all. */
  readonly requireTls: 0 | 1 | 2;
  sslRedirect: CompiledRoute | undefined;
  /** For the data path alone. */
  runtime: unknown = undefined;

  constructor(config: VirtualHost, table: CompiledRouteTable) {
    this.config = config;
    this.table = table;
    this.requireTls = config.requireTls === 'ALL' ? 2 : config.requireTls === 'EXTERNAL_ONLY' ? 1 : 0;
  }
}

/** The wildcard domains of one length. */
export interface WildcardLength {
  length: number;
  byRest: Map<string, CompiledVirtualHost>;
}

export class CompiledRouteTable {
  config: RouteTable;
  readonly values: RuntimeLookup;
  virtualHosts: readonly CompiledVirtualHost[] = [];
  readonly exact = new Map<string, CompiledVirtualHost>();
  /** `*.foo.com` and the like by length without the star, longest first. */
  suffixes: WildcardLength[] = [];
  /** `foo.*`, longest first. */
  prefixes: WildcardLength[] = [];
  /** The virtual host of `*`. */
  fallback: CompiledVirtualHost | undefined;
  /** There is nothing but `*`: no host is looked at. */
  onlyFallback = false;
  /** For the data path alone. */
  runtime: unknown = undefined;

  constructor(config: RouteTable, values: RuntimeLookup) {
    this.config = config;
    this.values = values;
  }
}
