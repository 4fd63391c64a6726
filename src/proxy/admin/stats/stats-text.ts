/**
 * Stats as lines of text: `name: value`, texts first, then counters and gauges, then histograms.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats
 */

import type { BucketMode, SelectedStats } from '#proxy/admin/stats/stats-query.ts';
import { wholeNumberText } from '#proxy/admin/stats/whole-number-text.ts';
import { binWidth, type HistogramBins, lowerBound } from '#proxy/observe/stats/histogram-bins.ts';
import type { HistogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import { general } from '#proxy/observe/stats/number-text.ts';
import { cumulativeCounts, disjointCounts, QUANTILES, quantiles, scaleOf } from '#proxy/observe/stats/quantiles.ts';
import type { HistogramStat } from '#proxy/observe/stats/stats-hub.ts';

/** Line by line, and nothing for what is passed over. */
export function* statsText(
  stats: SelectedStats,
  mode: BucketMode | undefined,
  buckets: HistogramBuckets,
): IterableIterator<string> {
  for (const { name, value } of stats.texts) yield `${name}: "${escaped(value)}"\n`;
  for (const stat of stats.numbers) yield stat === undefined ? '' : `${stat.name}: ${wholeNumberText(stat.value)}\n`;
  for (const stat of stats.histograms)
    yield stat === undefined ? '' : `${stat.name}:${histogramText(stat, mode, buckets)}\n`;
}

function histogramText(stat: HistogramStat, mode: BucketMode | undefined, buckets: HistogramBuckets): string {
  if (!stat.used) return ' No recorded values';
  switch (mode) {
    case 'cumulative':
      return ` ${bucketText(stat, buckets(stat.name), cumulativeCounts)}`;
    case 'disjoint':
      return ` ${bucketText(stat, buckets(stat.name), disjointCounts)}`;
    case 'detailed':
      return `\n  totals=${binsText(stat.cumulative, stat)}\n  intervals=${binsText(stat.interval, stat)}\n  summary=${summaryText(stat)}`;
    default:
      return ` ${summaryText(stat)}`;
  }
}

/** `P0(interval,cumulative) P25(...)`. */
function summaryText({ interval, cumulative, unit }: HistogramStat): string {
  const [now, all] = [quantiles(interval, unit), quantiles(cumulative, unit)];
  return QUANTILES.map((quantile, i) => `P${percent(quantile)}(${valueText(now[i])},${valueText(all[i])})`).join(' ');
}

function bucketText(
  { interval, cumulative, unit }: HistogramStat,
  bounds: readonly number[],
  counts: typeof cumulativeCounts,
): string {
  const [now, all] = [counts(interval, bounds, unit), counts(cumulative, bounds, unit)];
  return bounds.map((bound, i) => `B${general(bound)}(${now[i]},${all[i]})`).join(' ');
}

/** `lower bound,width:count` of each bin. */
function binsText({ bins, counts }: HistogramBins, { unit }: HistogramStat): string {
  const scale = scaleOf(unit);
  return bins
    .map((bin, i) => `${general(lowerBound(bin) / scale)},${general(binWidth(bin) / scale)}:${counts[i]}`)
    .join(', ');
}

export function percent(quantile: number): number {
  return Math.round(quantile * 1000) / 10;
}

function valueText(value: number): string {
  return Number.isNaN(value) ? 'nan' : String(value);
}

function escaped(value: string): string {
  return value.replace(
    /[&<>"']/g,
    (char) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": '#39' }[char]};`,
  );
}
