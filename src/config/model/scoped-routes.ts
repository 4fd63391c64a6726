/**
 * Route tables by scope: which one holds for a request is said by parts of its headers.
 * Follows extensions.filters.network.http_connection_manager.v3.ScopedRoutes and config.route.v3.ScopedRouteConfiguration.
 */
import type { ConfigSource } from './config-source.ts';
import type { RouteTable } from './route.ts';

/** A table that stands where it is used, or is fetched; `key` tells apart what is fetched from different places under one name. */
export type RouteOrigin =
  | { kind: 'inline'; table: RouteTable; key?: string }
  | { kind: 'rds'; routeConfigName: string; source: ConfigSource; key: string };

export interface ScopedRoutes {
  name: string;
  fragments: ScopeFragment[];
  /** Of tables that scopes name. */
  rdsSource?: ConfigSource;
  scopes: { kind: 'inline'; list: ScopedRoute[] } | { kind: 'srds'; source: ConfigSource; key: string };
}

/** A part of a scope's key: a header, or one of the elements in it. */
export interface ScopeFragment {
  header: string;
  /** Empty: the header is one element. */
  separator: string;
  /** The element that is taken: by its place, or by the key that it begins with. */
  take: { kind: 'index'; index: number } | { kind: 'element'; separator: string; key: string };
}

export interface ScopedRoute {
  name: string;
  /** As {@link scopeKey} makes it. */
  key: string;
  routes: RouteOrigin;
  /** Its table is fetched when a request asks for it. */
  onDemand: boolean;
}

/** The fragments of a key as one text. */
export function scopeKey(fragments: readonly string[]): string {
  return fragments.map((fragment) => `${fragment.length}:${fragment}`).join('');
}
