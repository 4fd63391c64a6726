/**
 * Header changes of every level that a route belongs to, compiled once per route on first use: weighted cluster, route, virtual host,
 * route table. Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
 */
import type { HeaderMutations } from '#config/model/header-mutation.ts';
import type { Route, RouteTable, VirtualHost, WeightedCluster } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { type CompiledHeaderMutations, compileHeaderMutations } from '#proxy/observe/format/header-mutations.ts';
import type { CompiledVirtualHost } from '#selection/compiled-route.ts';

export class RouteHeaderTable {
  private readonly table: RouteTable;
  /** Virtual hosts come and go while the table stays. */
  private readonly compiled = new WeakMap<HeaderMutations, { changes: CompiledHeaderMutations | undefined }>();
  private readonly levels = new WeakMap<Route | WeightedCluster, CompiledHeaderMutations[]>();

  constructor(table: RouteTable) {
    this.table = table;
    for (const host of table.virtualHosts) {
      this.compile(host.headers);
      for (const route of host.routes) this.compile(route.headers);
    }
    this.compile(table.headers);
  }

  applyRequest(stream: HttpStream, host: VirtualHost, route: Route, weighted: WeightedCluster | undefined): void {
    const levels = this.levelsOf(host, route, weighted);
    for (let i = 0; i < levels.length; i++) levels[i].applyRequest(stream.requestHeaders, stream);
  }

  applyResponse(stream: HttpStream, host: VirtualHost, route: Route, weighted: WeightedCluster | undefined): void {
    const levels = this.levelsOf(host, route, weighted);
    for (let i = 0; i < levels.length; i++) levels[i].applyResponse(stream.responseHeaders, stream);
  }

  /** What applies to a route, in the order in which it applies: the later ones have the last word. */
  private levelsOf(host: VirtualHost, route: Route, weighted: WeightedCluster | undefined): CompiledHeaderMutations[] {
    const key = weighted ?? route;
    let levels = this.levels.get(key);
    if (levels === undefined) {
      const outer = [route.headers, host.headers, this.table.headers];
      if (this.table.mostSpecificHeaderMutationsWins) outer.reverse();
      // A weighted cluster's come first whatever the order of the others.
      const all = [weighted?.headers, ...outer];
      levels = all.map((mutations) => mutations && this.compile(mutations)).filter((level) => level !== undefined);
      this.levels.set(key, levels);
    }
    return levels;
  }

  private compile(mutations: HeaderMutations): CompiledHeaderMutations | undefined {
    let known = this.compiled.get(mutations);
    if (known === undefined) {
      const empty =
        mutations.requestAdd.length +
          mutations.requestRemove.length +
          mutations.responseAdd.length +
          mutations.responseRemove.length ===
        0;
      known = { changes: empty ? undefined : compileHeaderMutations(mutations) };
      this.compiled.set(mutations, known);
    }
    return known.changes;
  }
}

/** The header changes of the table that a virtual host is of, made with `prepareRouteTable`. */
export function routeHeadersOf({ table }: CompiledVirtualHost): RouteHeaderTable {
  return table.runtime as RouteHeaderTable;
}

/** Adds to a response what the route and the levels around it add to each. */
export function addRouteHeaders(stream: HttpStream): void {
  const { selected, selectedHost, weighted } = stream;
  if (selected === undefined || selectedHost === undefined) return;
  routeHeadersOf(selectedHost).applyResponse(stream, selectedHost.config, selected.config, weighted);
}
