/**
 * The filters of one listener on one worker, in the order in which they look at its connections.
 */
import type { ListenerConfig } from '#config/model/listener.ts';
import { listenerFilters } from '#proxy/listeners/filters/index.ts';
import type { ListenerFilterInUse } from '#proxy/listeners/listener-filter.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { compileListenerFilterPredicate } from '#selection/listener-filter-predicate.ts';

export function listenerFiltersInUse(config: ListenerConfig, worker: WorkerContext): ListenerFilterInUse[] {
  return config.listenerFilters.map(({ name, typeUrl, config: own, disabledFor }) => {
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
}
