/**
 * A connection manager's HTTP filters, made ready on one worker; and the router that ends them.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { FilterInUse } from '#proxy/http/filter.ts';
import { httpFilters } from '#proxy/http/filters/index.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router';

export function filtersInUse(
  config: HttpConnectionManager,
  scope: Scope,
): { filters: FilterInUse[]; router: RouterConfig } {
  const last = config.httpFilters.at(-1);
  if (last === undefined || !last.typeUrl.endsWith(ROUTER))
    throw new Error(`http filters of '${config.statPrefix}' do not end in the router`);
  const filters = config.httpFilters.slice(0, -1).map((use, index): FilterInUse => {
    const type = use.typeUrl.slice(use.typeUrl.lastIndexOf('/') + 1);
    const filter = httpFilters.find((known) => known.message === type);
    if (filter === undefined) throw new Error(`no HTTP filter for ${use.typeUrl}`);
    return {
      name: use.name,
      index,
      filter,
      config: use.config,
      prepared: filter.prepare?.(use.config),
      stats: filter.stats?.(scope.scope(`http.${config.statPrefix}`), use.config),
      disabled: use.disabled,
    };
  });
  return { filters, router: last.config as RouterConfig };
}
