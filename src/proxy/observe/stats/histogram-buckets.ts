/**
 * The bucket bounds that a histogram is shown with: those of the first of stats_config.histogram_bucket_settings that
 * matches its name, else Envoy's.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-histogrambucketsettings
 */
import type { StatsConfig } from '#config/model/snapshot.ts';
import { compileString } from '#selection/match-string.ts';

const DEFAULT_BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

export type HistogramBuckets = (name: string) => readonly number[];

export function histogramBuckets(settings: StatsConfig['histogramBuckets']): HistogramBuckets {
  const rules = settings.map(({ match, buckets }) => ({ matches: compileString(match), buckets }));
  return (name) => rules.find((rule) => rule.matches(name))?.buckets ?? DEFAULT_BUCKETS;
}
