/**
 * What configurations say that is old, or unknown and let pass.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/runtime#using-runtime-overrides-for-deprecated-features
 */
import type { Problem } from '#api/problems.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';

/**
 * @param root of the main thread's stats
 * @param from the bootstrap, or discovery
 */
export function countWarnings(warnings: readonly Problem[], root: Scope, from: 'static' | 'dynamic'): void {
  for (const { kind } of warnings) {
    if (kind === 'unknown') root.counter(`server.${from}_unknown_fields`).inc();
    if (kind !== 'deprecated') continue;
    root.counter('runtime.deprecated_feature_use').inc();
    root.gauge('runtime.deprecated_feature_seen_since_process_start').inc();
  }
}
