/**
 * The route tables of one worker that discovery brings, compiled once for all connection managers that share them; and where a connection
 * manager looks for its table.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteTable } from '#config/model/route.ts';
import type { RequestGroups } from '#proxy/http/router/request-groups.ts';
import { RouteHeaderTable } from '#proxy/http/router/route-headers.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { RouteTableUpdate } from '#proxy/worker-messages.ts';
import { changeVirtualHosts, compileRouteTable } from '#selection/compile-route-table.ts';
import type { CompiledRouteTable } from '#selection/compiled-route.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

/** What tables are compiled with: parts of a worker. */
export interface RouteTableParts {
  runtime: RuntimeLookup;
  groups: RequestGroups;
}

/** Where a table is, or will be. */
export class RouteSource {
  /** Undefined until it is known: no request has a route then. */
  table: CompiledRouteTable | undefined = undefined;
}

/** Where the routes of a connection manager are. */
export function routeSource({ routes }: HttpConnectionManager, { routeTables }: WorkerContext): RouteSource {
  if (routes.kind === 'scoped') throw new Error('scoped routes are not served yet');
  if (routes.kind === 'rds') return routeTables.source(routes.key);
  const source = new RouteSource();
  source.table = routeTables.prepare(routes.table);
  return source;
}

export class RouteTables {
  private readonly parts: RouteTableParts;
  private readonly sources = new Map<string, RouteSource>();

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
  source(key: string): RouteSource {
    let source = this.sources.get(key);
    if (source === undefined) {
      source = new RouteSource();
      this.sources.set(key, source);
    }
    return source;
  }

  /** Requests under way keep the route that they have. */
  update(key: string, update: RouteTableUpdate): void {
    const source = this.source(key);
    if (update.kind === 'table') source.table = this.prepare(update.table);
    else if (source.table !== undefined) {
      for (const host of changeVirtualHosts(source.table, update.hosts)) this.parts.groups.prepare(host);
    }
  }

  /** Nobody uses the table any more. */
  drop(key: string): void {
    this.sources.delete(key);
  }
}
