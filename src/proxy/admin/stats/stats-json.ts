/**
 * Stats as JSON, on one line, numbers written as Envoy writes them; histograms share the last element.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats-format-json
 */

import type { BucketMode, SelectedStats } from '#proxy/admin/stats/stats-query.ts';
import { percent } from '#proxy/admin/stats/stats-text.ts';
import { wholeNumberText } from '#proxy/admin/stats/whole-number-text.ts';
import { binWidth, type HistogramBins, lowerBound } from '#proxy/observe/stats/histogram-bins.ts';
import type { HistogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import { shortest } from '#proxy/observe/stats/number-text.ts';
import { cumulativeCounts, disjointCounts, QUANTILES, quantiles, scaleOf } from '#proxy/observe/stats/quantiles.ts';
import type { HistogramStat } from '#proxy/observe/stats/stats-hub.ts';

/** Stat by stat, and nothing for what is passed over. */
export function* statsJson(
  stats: SelectedStats,
  mode: BucketMode | undefined,
  buckets: HistogramBuckets,
): IterableIterator<string> {
  let before = '{"stats":[';
  for (const { name, value } of stats.texts) {
    yield `${before}{"name":${quoted(name)},"value":${quoted(value)}}`;
    before = ',';
  }
  for (const stat of stats.numbers) {
    yield stat === undefined ? '' : `${before}{"name":${quoted(stat.name)},"value":${wholeNumberText(stat.value)}}`;
    if (stat !== undefined) before = ',';
  }
  const { head, each, tail } = histogramForm(mode, buckets);
  let first = true;
  for (const stat of stats.histograms) {
    if (stat === undefined) {
      yield '';
      continue;
    }
    yield `${first ? `${before}{"histograms":${head}` : ','}${each(stat)}`;
    first = false;
  }
  if (!first) yield `${tail}}]}`;
  else yield before === ',' ? ']}' : `${before}]}`;
}

/** What stands before all histograms, for each and after them. */
function histogramForm(
  mode: BucketMode | undefined,
  buckets: HistogramBuckets,
): { head: string; each: (stat: HistogramStat) => string; tail: string } {
  const percents = `[${QUANTILES.map(percent).join(',')}]`;
  switch (mode) {
    case 'cumulative':
      return { head: '[', each: (stat) => bucketed(stat, buckets(stat.name), cumulativeCounts), tail: ']' };
    case 'disjoint':
      return { head: '[', each: (stat) => bucketed(stat, buckets(stat.name), disjointCounts), tail: ']' };
    case 'detailed':
      return { head: `{"supported_percentiles":${percents},"details":[`, each: detailed, tail: ']}' };
    default:
      return { head: `{"supported_quantiles":${percents},"computed_quantiles":[`, each: summarized, tail: ']}' };
  }
}

function summarized(stat: HistogramStat): string {
  return `{"name":${quoted(stat.name)},"values":${quantileValues(stat)}}`;
}

function detailed(stat: HistogramStat): string {
  const [totals, intervals] = [stat.cumulative, stat.interval].map((bins) => binList(bins, scaleOf(stat.unit)));
  return `{"name":${quoted(stat.name)},"totals":${totals},"intervals":${intervals},"percentiles":${quantileValues(stat)}}`;
}

function quantileValues({ interval, cumulative, unit }: HistogramStat): string {
  const [now, all] = [quantiles(interval, unit), quantiles(cumulative, unit)];
  return `[${QUANTILES.map((_, i) => `{"cumulative":${number(all[i])},"interval":${number(now[i])}}`).join(',')}]`;
}

function binList({ bins, counts }: HistogramBins, scale: number): string {
  const items = bins.map(
    (bin, i) =>
      `{"lower_bound":${number(lowerBound(bin) / scale)},"width":${number(binWidth(bin) / scale)},"count":${counts[i]}}`,
  );
  return `[${items.join(',')}]`;
}

function bucketed(
  { name, unit, interval, cumulative }: HistogramStat,
  bounds: readonly number[],
  counts: typeof cumulativeCounts,
): string {
  const [now, all] = [counts(interval, bounds, unit), counts(cumulative, bounds, unit)];
  const items = bounds.map(
    (bound, i) => `{"upper_bound":${number(bound)},"interval":${now[i]},"cumulative":${all[i]}}`,
  );
  return `{"name":${quoted(name)},"buckets":[${items.join(',')}]}`;
}

function number(value: number): string {
  return Number.isNaN(value) ? 'null' : shortest(value);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
