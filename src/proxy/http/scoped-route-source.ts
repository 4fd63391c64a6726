/**
 * The route table of a request by its scope. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/scoped_routes
 */
import { type ScopeFragment, scopeKey } from '#config/model/scoped-routes.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { RouteDemands } from '#proxy/http/route-demands.ts';
import type { RouteSource, ScopeTable } from '#proxy/http/route-tables.ts';
import type { CompiledRouteTable } from '#selection/compiled-route.ts';

export class ScopedRouteSource implements RouteSource {
  private readonly fragments: readonly ScopeFragment[];
  private readonly scopes: ScopeTable;
  private readonly demands: RouteDemands;

  constructor(fragments: readonly ScopeFragment[], scopes: ScopeTable, demands: RouteDemands) {
    this.fragments = fragments;
    this.scopes = scopes;
    this.demands = demands;
  }

  tableFor(stream: HttpStream): CompiledRouteTable | undefined {
    const key = keyOf(stream, this.fragments);
    return key === undefined ? undefined : this.scopes.byKey.get(key)?.tableFor(stream);
  }

  demand(stream: HttpStream, ready: () => void): (() => void) | undefined {
    const name = keyOf(stream, this.fragments);
    if (name === undefined) return undefined;
    const { byKey, onDemand, key } = this.scopes;
    if (onDemand.has(name)) return this.demands.demand({ kind: 'scope', key, name }, ready);
    return byKey.get(name)?.demand(stream, ready);
  }
}

/** @returns undefined where the request has no scope */
function keyOf(stream: HttpStream, fragments: readonly ScopeFragment[]): string | undefined {
  const parts: string[] = [];
  for (const fragment of fragments) {
    const part = partOf(stream, fragment);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return scopeKey(parts);
}

/** @returns undefined where the header, or the element in it, is not there: the request has no scope then */
function partOf({ requestHeaders, host }: HttpStream, { header, separator, take }: ScopeFragment): string | undefined {
  const value = header === ':authority' || header === 'host' ? host : requestHeaders.get(header);
  if (value === undefined) return undefined;
  const elements = separator === '' ? [value] : value.split(separator);
  if (take.kind === 'index') return elements[take.index];
  for (const element of elements) {
    const at = element.indexOf(take.separator);
    const key = at < 0 ? element : element.slice(0, at);
    if (key === take.key) return at < 0 ? '' : element.slice(at + take.separator.length);
  }
  return undefined;
}
