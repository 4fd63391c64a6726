/**
 * Stats in Prometheus' text format: names without their tags, tags as labels, one TYPE line a name.
 * Follows https://prometheus.io/docs/instrumenting/exposition_formats and Envoy's /stats/prometheus.
 */
import type { HistogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import { general } from '#proxy/observe/stats/number-text.ts';
import { approximateSum, cumulativeCounts, QUANTILES, quantiles } from '#proxy/observe/stats/quantiles.ts';
import type { HistogramStat, NumberStat, TextStat } from '#proxy/observe/stats/stats-hub.ts';
import type { Tag, TagExtractor } from '#proxy/observe/stats/tag-extraction.ts';

export interface PrometheusStats {
  numbers: readonly NumberStat[];
  histograms: readonly HistogramStat[];
  /** Shown as gauges of value 0 with the text in a label. */
  texts: readonly TextStat[];
}

export interface PrometheusOptions {
  tags: TagExtractor;
  buckets: HistogramBuckets;
  /** Quantiles of the last interval in place of buckets. */
  summary: boolean;
}

export function prometheusText(stats: PrometheusStats, options: PrometheusOptions): string {
  const { tags, summary } = options;
  const lines: string[] = [];
  const number = (stat: NumberStat, name: string, labels: string) => lines.push(`${name}{${labels}} ${stat.value}\n`);
  write(
    lines,
    tags,
    'counter',
    stats.numbers.filter((stat) => stat.kind === 'counter'),
    number,
  );
  write(
    lines,
    tags,
    'gauge',
    stats.numbers.filter((stat) => stat.kind === 'gauge'),
    number,
  );
  write(lines, tags, 'gauge', stats.texts, (stat, name, labels) => {
    lines.push(`${name}{${joined(labels, label('text_value', stat.value))}} 0\n`);
  });
  write(lines, tags, summary ? 'summary' : 'histogram', stats.histograms, (stat, name, labels) => {
    lines.push(
      summary ? summaryLines(stat, name, labels) : histogramLines(stat, name, labels, options.buckets(stat.name)),
    );
  });
  return lines.join('');
}

/** Groups stats that have one name once their tags are taken out. */
function write<T extends { name: string }>(
  lines: string[],
  tags: TagExtractor,
  type: string,
  stats: readonly T[],
  line: (stat: T, name: string, labels: string) => void,
): void {
  const groups = new Map<string, { stat: T; tags: Tag[] }[]>();
  for (const stat of stats) {
    const tagged = tags.extract(stat.name);
    const group = groups.get(tagged.name);
    if (group === undefined) groups.set(tagged.name, [{ stat, tags: tagged.tags }]);
    else group.push({ stat, tags: tagged.tags });
  }
  for (const extracted of [...groups.keys()].sort()) {
    const name = `envoy_${metricName(extracted)}`;
    lines.push(`# TYPE ${name} ${type}\n`);
    for (const { stat, tags: own } of groups.get(extracted) ?? []) {
      line(stat, name, own.map((tag) => label(metricName(tag.name), tag.value)).join(','));
    }
  }
}

function histogramLines(
  { unit, cumulative }: HistogramStat,
  name: string,
  labels: string,
  bounds: readonly number[],
): string {
  const counts = cumulativeCounts(cumulative, bounds, unit);
  const { total } = cumulative;
  const buckets = bounds.map(
    (bound, i) => `${name}_bucket{${joined(labels, label('le', general(bound, 32)))}} ${counts[i]}\n`,
  );
  return (
    `${buckets.join('')}${name}_bucket{${joined(labels, label('le', '+Inf'))}} ${total}\n` +
    `${name}_sum{${labels}} ${general(approximateSum(cumulative, unit), 32)}\n` +
    `${name}_count{${labels}} ${total}\n`
  );
}

function summaryLines({ unit, interval }: HistogramStat, name: string, labels: string): string {
  const values = quantiles(interval, unit);
  const lines = QUANTILES.map(
    (quantile, i) => `${name}{${joined(labels, label('quantile', String(quantile)))}} ${general(values[i], 32)}\n`,
  );
  return (
    `${lines.join('')}${name}_sum{${labels}} ${general(approximateSum(interval, unit), 32)}\n` +
    `${name}_count{${labels}} ${interval.total}\n`
  );
}

function label(name: string, value: string): string {
  return `${name}="${value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')}"`;
}

function joined(labels: string, last: string): string {
  return labels === '' ? last : `${labels},${last}`;
}

function metricName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, '_');
}
