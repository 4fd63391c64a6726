/**
 * `/explain`: where a request would go, by the configuration that runs.
 */
import type { Address } from '#config/model/address.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import type { ExplainAnswer, ExplainQuery } from '#proxy/admin/context.ts';
import { type RuntimeSnapshot, RuntimeView } from '#selection/runtime-view.ts';

/**
 * What explains is loaded when somebody first asks: a proxy that nobody asks does without.
 * @param now the runtime's values, and the addresses that listeners are bound to, by name.
 */
export async function explainLive(
  snapshot: Snapshot,
  query: ExplainQuery,
  now: { runtime: RuntimeSnapshot; bound: ReadonlyMap<string, Address[]> },
): Promise<ExplainAnswer> {
  const [{ explain }, { renderExplanation }] = await Promise.all([
    import('#explain/explain.ts'),
    import('#explain/render-explanation.ts'),
  ]);
  const listeners = snapshot.listeners.map((listener) => ({
    ...listener,
    addresses: now.bound.get(listener.name) ?? listener.addresses,
  }));
  const explanation = explain({ ...snapshot, listeners }, query, new RuntimeView(now.runtime));
  return { text: renderExplanation(explanation, { color: false }), json: explanation };
}
