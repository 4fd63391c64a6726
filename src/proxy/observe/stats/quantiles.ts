/**
 * What Envoy shows of a histogram: quantiles, sum and counts by bucket, worked out from its bins.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats
 */
import { binMidpoint, binWidth, type HistogramBins, lowerBound } from '#proxy/observe/stats/histogram-bins.ts';
import type { HistogramUnit } from '#proxy/observe/stats/metrics.ts';
import { PERCENT_SCALE } from '#proxy/observe/stats/thread-histogram.ts';

/** The quantiles that Envoy computes, as shares. */
export const QUANTILES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

export function scaleOf(unit: HistogramUnit): number {
  return unit === 'Percent' ? PERCENT_SCALE : 1;
}

/** The values at the quantiles, in the unit; NaN where nothing was recorded. */
export function quantiles(bins: HistogramBins, unit: HistogramUnit): number[] {
  const total = bins.total;
  if (total === 0) return QUANTILES.map(() => Number.NaN);
  const scale = scaleOf(unit);
  let at = 0;
  let below = 0;
  return QUANTILES.map((quantile) => {
    // The sample that has this share of all at or below it; samples lie evenly spaced inside their bin.
    const sample = Math.max(1, Math.ceil(quantile * total));
    while (below + bins.counts[at] < sample) below += bins.counts[at++];
    const share = (sample - below) / (bins.counts[at] + 1);
    return (lowerBound(bins.bins[at]) + share * binWidth(bins.bins[at])) / scale;
  });
}

export function approximateSum(bins: HistogramBins, unit: HistogramUnit): number {
  let sum = 0;
  for (let i = 0; i < bins.bins.length; i++) sum += binMidpoint(bins.bins[i]) * bins.counts[i];
  return sum / scaleOf(unit);
}

/** How many values are at most each bound (in the unit); bounds ascend. */
export function cumulativeCounts(bins: HistogramBins, bounds: readonly number[], unit: HistogramUnit): number[] {
  const scale = scaleOf(unit);
  let at = 0;
  let count = 0;
  return bounds.map((bound) => {
    while (at < bins.bins.length && lowerBound(bins.bins[at]) <= bound * scale) count += bins.counts[at++];
    return count;
  });
}

/** How many values are above the bound before and at most each bound. */
export function disjointCounts(bins: HistogramBins, bounds: readonly number[], unit: HistogramUnit): number[] {
  const cumulative = cumulativeCounts(bins, bounds, unit);
  return cumulative.map((count, i) => (i === 0 ? count : count - cumulative[i - 1]));
}
