/**
 * Runtime values as the configuration's static layers give them: what explain goes by where no proxy runs that could be asked.
 * Follows envoy.config.bootstrap.v3.LayeredRuntime.
 */
import type { RuntimeLayer } from '#config/model/snapshot.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';
import { valuesOfJson } from '#selection/runtime-values.ts';
import { RuntimeView } from '#selection/runtime-view.ts';

/** Layers on disk and the admin layer are empty here. */
export function configuredRuntime(layers: readonly RuntimeLayer[]): RuntimeLookup {
  const given = layers.flatMap((layer) =>
    layer.kind === 'static' ? [{ name: layer.name, values: valuesOfJson(layer.values) }] : [],
  );
  return new RuntimeView({ layers: given, values: Object.assign({}, ...given.map((layer) => layer.values)) });
}
