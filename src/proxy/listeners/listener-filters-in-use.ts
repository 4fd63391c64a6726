/**
 * The filters of one listener on one worker, in the order in which they look at its connections.
 */
import type { ListenerConfig } from '#config/model/listener.ts';
import { listenerFilters } from '#proxy/listeners/filters/index.ts';
import { Close, type ListenerFilter, type ListenerFilterInUse } from '#proxy/listeners/listener-filter.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { compileListenerFilterPredicate } from '#selection/listener-filter-predicate.ts';

/** @param onMissing counts a connection that is closed since the configuration of a filter is not there */
export function listenerFiltersInUse(
  config: ListenerConfig,
  worker: WorkerContext,
  onMissing: () => void,
): ListenerFilterInUse[] {
  const uses = config.listenerFilters.map(({ name, disabledFor, discovered, ...given }) => {
    const use = discovered === undefined ? given : (worker.extensions.find(discovered.key) ?? discovered.fallback);
    if (use === undefined) return undefined;
    const { typeUrl, config: own } = use;
    const filter = listenerFilters.find(({ message }) => typeUrl.endsWith(`/${message}`));
    if (filter === undefined) throw new Error(`no listener filter '${name}' (${typeUrl})`);
    return {
      filter,
      config: own,
      stats: filter.stats?.(worker.scope, own),
      prepared: filter.prepare?.(own, worker),
      disabled: disabledFor === undefined ? undefined : compileListenerFilterPredicate(disabledFor),
    };
  });
  const found = uses.filter((use) => use !== undefined);
  return found.length === uses.length ? found : [missing(onMissing)];
}

/** The keys of configurations that are fetched. */
export function discoveredKeys({ listenerFilters: uses }: ListenerConfig): string[] {
  return uses.flatMap(({ discovered }) => discovered?.key ?? []);
}

/** In the place of filters of which one is not known. */
function missing(onMissing: () => void): ListenerFilterInUse {
  const filter: ListenerFilter = {
    name: 'missing',
    message: '',
    config: () => undefined,
    accept() {
      onMissing();
      return Close;
    },
  };
  return { filter, config: undefined, stats: undefined, prepared: undefined, disabled: undefined };
}
