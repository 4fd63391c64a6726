/**
 * Which stats exist at all, by stats_config.stats_matcher. What is rejected costs nothing.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-statsmatcher
 */
import type { StatsConfig } from '#config/model/snapshot.ts';
import { compileString } from '#selection/match-string.ts';

/** @returns whether a stat of this full name is to exist. */
export function compileStatsMatcher({ matcher }: Pick<StatsConfig, 'matcher'>): (name: string) => boolean {
  if (matcher === undefined) return () => true;
  if (matcher.kind === 'reject_all') return () => !matcher.rejectAll;
  const patterns = matcher.patterns.map(compileString);
  const wanted = matcher.kind === 'inclusion';
  return (name) => patterns.some((matches) => matches(name)) === wanted;
}
