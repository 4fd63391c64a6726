/**
 * A connection manager's HTTP filters, made ready on one worker; and the router that ends them.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { FilterUse } from '#config/model/listener.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { ExtensionSlots } from '#proxy/extension-slots.ts';
import type { FilterInUse } from '#proxy/http/filter.ts';
import { httpFilters } from '#proxy/http/filters/index.ts';
import { missingFilter } from '#proxy/http/missing-filter.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';

/** Filters in the order of requests, and in that of responses. */
export interface HttpFilterChain {
  forwards: readonly FilterInUse[];
  backwards: readonly FilterInUse[];
}

/** Those of most requests, and those of upgrades that have their own, by type in lower case. */
export interface FilterChains {
  filters: HttpFilterChain;
  upgrades: ReadonlyMap<string, HttpFilterChain>;
}

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router';

/** @param extensions knows the configurations that are fetched */
export function filtersInUse(
  config: HttpConnectionManager,
  scope: Scope,
  extensions: ExtensionSlots,
): FilterChains & { router: RouterConfig } {
  const last = config.httpFilters.at(-1);
  if (last === undefined || !last.typeUrl.endsWith(ROUTER))
    throw new Error(`http filters of '${config.statPrefix}' do not end in the router`);
  const statScope = scope.scope(`http.${config.statPrefix}`);
  const chainOf = (uses: readonly FilterUse[]): HttpFilterChain => {
    const forwards = uses.slice(0, -1).map((use, index) => filterInUse(use, index, statScope, extensions));
    return { forwards, backwards: forwards.toReversed() };
  };
  const ofUpgrades = config.upgradeConfigs.flatMap(({ upgradeType, filters }) =>
    filters === undefined ? [] : [[upgradeType, chainOf(filters)] as const],
  );
  return { filters: chainOf(config.httpFilters), upgrades: new Map(ofUpgrades), router: last.config as RouterConfig };
}

/** The keys of configurations that are fetched. */
export function discoveredKeys({ httpFilters, upgradeConfigs }: HttpConnectionManager): string[] {
  const all = [...httpFilters, ...upgradeConfigs.flatMap(({ filters = [] }) => filters)];
  return all.flatMap(({ discovered }) => discovered?.key ?? []);
}

function filterInUse(given: FilterUse, index: number, scope: Scope, extensions: ExtensionSlots): FilterInUse {
  const { name, disabled, discovered } = given;
  const use = discovered === undefined ? given : (extensions.find(discovered.key) ?? discovered.fallback);
  if (use === undefined) {
    return { name, index, filter: missingFilter, config: undefined, prepared: undefined, stats: undefined, disabled };
  }
  const { typeUrl, config } = use;
  const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const filter = httpFilters.find((known) => known.message === type);
  if (filter === undefined) throw new Error(`no HTTP filter for ${typeUrl}`);
  return {
    name,
    index,
    filter,
    config,
    prepared: filter.prepare?.(config),
    stats: filter.stats?.(scope, config),
    disabled,
  };
}
