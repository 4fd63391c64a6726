/**
 * `/explain`: where a request would go, by the configuration that runs.
 */
import type { Snapshot } from '#config/model/snapshot.ts';
import { explain } from '#explain/explain.ts';
import { renderExplanation } from '#explain/render-explanation.ts';
import type { ExplainAnswer, ExplainQuery } from '#proxy/admin/context.ts';

export async function explainLive(snapshot: Snapshot, query: ExplainQuery): Promise<ExplainAnswer> {
  const explanation = explain(snapshot, query);
  return { text: renderExplanation(explanation, { color: false }), json: explanation };
}
