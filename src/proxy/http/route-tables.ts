/**
 * The route tables of one worker that discovery brings, compiled once for all connection managers that share them; and where a connection
 * manager looks for its table.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteTable } from '#config/model/route.ts';
import type { RouteOrigin, ScopedRoute, ScopedRoutes } from '#config/model/scoped-routes.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { RouteDemands } from '#proxy/http/route-demands.ts';
import type { RequestGroups } from '#proxy/http/router/request-groups.ts';
import { RouteHeaderTable } from '#proxy/http/router/route-headers.ts';
import { ScopedRouteSource } from '#proxy/http/scoped-route-source.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { RouteTableUpdate } from '#proxy/worker-messages.ts';
import { changeVirtualHosts, compileRouteTable, putVirtualHosts } from '#selection/compile-route-table.ts';
import type { CompiledRouteTable } from '#selection/compiled-route.ts';
import { lowerAscii } from '#selection/match-string.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

/** What tables are compiled with: parts of a worker. */
export interface RouteTableParts {
  runtime: RuntimeLookup;
  groups: RequestGroups;
  demands: RouteDemands;
}

/** Where the table for a request is. */
export interface RouteSource {
  /** Undefined where it is not known, or there is none: the request has no route then. */
  tableFor(stream: HttpStream): CompiledRouteTable | undefined;
  /**
   * Asks for what a request without a route lacks. @param ready hears when it is there, or cannot be had
   * @returns how to wait no more; undefined: there is nothing to ask for
   */
  demand(stream: HttpStream, ready: () => void): (() => void) | undefined;
}

/** One table for all requests; undefined until it is known. */
export class RouteSlot implements RouteSource {
  table: CompiledRouteTable | undefined = undefined;
  private readonly key: string;
  private readonly demands: RouteDemands;

  constructor(key: string, demands: RouteDemands) {
    this.key = key;
    this.demands = demands;
  }

  tableFor(): CompiledRouteTable | undefined {
    return this.table;
  }

  demand({ host }: HttpStream, ready: () => void): (() => void) | undefined {
    if (this.table?.config.vhds === undefined) return undefined;
    return this.demands.demand({ kind: 'virtual_host', key: this.key, name: lowerAscii(host) }, ready);
  }
}

/** Scopes by their keys, as far as they are known. */
export interface ScopeTable {
  /** Tells apart what is fetched from different places. */
  key: string;
  byKey: Map<string, RouteSource>;
  /** The keys of those whose tables nobody asked for yet. */
  onDemand: Set<string>;
}

/** Where the routes of a connection manager are. */
export function routeSource({ routes }: HttpConnectionManager, { routeTables }: WorkerContext): RouteSource {
  return routes.kind === 'scoped' ? routeTables.scopedSource(routes.scoped) : routeTables.sourceOf(routes);
}

export class RouteTables {
  private readonly parts: RouteTableParts;
  private readonly sources = new Map<string, RouteSlot>();
  private readonly scopeTables = new Map<string, ScopeTable>();

  constructor(parts: RouteTableParts) {
    this.parts = parts;
  }

  /** The table with what the data path hangs on it. */
  prepare(config: RouteTable): CompiledRouteTable {
    const table = compileRouteTable(config, this.parts.runtime);
    for (const host of table.virtualHosts) this.parts.groups.prepare(host);
    table.runtime = new RouteHeaderTable(config);
    return table;
  }

  /** @param key tells apart what is fetched from different places under one name. */
  source(key: string): RouteSlot {
    let source = this.sources.get(key);
    if (source === undefined) {
      source = new RouteSlot(key, this.parts.demands);
      this.sources.set(key, source);
    }
    return source;
  }

  sourceOf(routes: RouteOrigin): RouteSource {
    if (routes.kind === 'rds') return this.source(routes.key);
    if (routes.key !== undefined) {
      const fed = this.source(routes.key);
      fed.table ??= this.prepare(routes.table);
      return fed;
    }
    const slot = new RouteSlot('', this.parts.demands);
    slot.table = this.prepare(routes.table);
    return slot;
  }

  scopedSource({ fragments, scopes }: ScopedRoutes): RouteSource {
    const table =
      scopes.kind === 'srds'
        ? this.scopes(scopes.key)
        : { key: '', byKey: this.scopesOf(scopes.list), onDemand: new Set<string>() };
    return new ScopedRouteSource(fragments, table, this.parts.demands);
  }

  private scopesOf(list: readonly ScopedRoute[]): Map<string, RouteSource> {
    return new Map(list.map(({ key, routes }) => [key, this.sourceOf(routes)]));
  }

  /** The scopes that SRDS brings. */
  private scopes(key: string): ScopeTable {
    let table = this.scopeTables.get(key);
    if (table === undefined) {
      table = { key, byKey: new Map(), onDemand: new Set() };
      this.scopeTables.set(key, table);
    }
    return table;
  }

  /** @param scopes undefined: nobody uses them any more */
  updateScopes(key: string, scopes: readonly ScopedRoute[] | undefined): void {
    if (scopes === undefined) {
      this.scopeTables.delete(key);
      return;
    }
    const table = this.scopes(key);
    table.byKey = this.scopesOf(scopes.filter(({ onDemand }) => !onDemand));
    table.onDemand = new Set(scopes.filter(({ onDemand }) => onDemand).map((scope) => scope.key));
  }

  /** The table of a scope that was on demand is known. */
  addScope(key: string, scope: ScopedRoute): void {
    const table = this.scopes(key);
    table.onDemand.delete(scope.key);
    table.byKey.set(scope.key, this.sourceOf(scope.routes));
  }

  /** Requests under way keep the route that they have. */
  update(key: string, update: RouteTableUpdate): void {
    const source = this.source(key);
    if (update.kind === 'table') source.table = this.prepare(update.table);
    else if (source.table !== undefined) {
      const made =
        update.kind === 'hosts'
          ? changeVirtualHosts(source.table, update.hosts)
          : putVirtualHosts(source.table, update.changes);
      for (const host of made) this.parts.groups.prepare(host);
    }
  }

  /** Nobody uses the table any more. */
  drop(key: string): void {
    this.sources.delete(key);
  }
}
