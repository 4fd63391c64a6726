/**
 * `/explain`: where a request would go, by the configuration that runs.
 */
import type { Snapshot } from '#config/model/snapshot.ts';
import type { ExplainAnswer, ExplainQuery } from '#proxy/admin/context.ts';
import { type RuntimeSnapshot, RuntimeView } from '#selection/runtime-view.ts';

/**
 * What explains is loaded when somebody first asks: a proxy that nobody asks does without.
 * @param runtime the values as they are now.
 */
export async function explainLive(
  snapshot: Snapshot,
  query: ExplainQuery,
  runtime: RuntimeSnapshot,
): Promise<ExplainAnswer> {
  const [{ explain }, { renderExplanation }] = await Promise.all([
    import('#explain/explain.ts'),
    import('#explain/render-explanation.ts'),
  ]);
  const explanation = explain(snapshot, query, new RuntimeView(runtime));
  return { text: renderExplanation(explanation, { color: false }), json: explanation };
}
