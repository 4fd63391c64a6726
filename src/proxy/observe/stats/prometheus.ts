/**
 * Stats in Prometheus' text format: names without their tags, tags as labels, one TYPE line a name.
 * Follows https://prometheus.io/docs/instrumenting/exposition_formats and Envoy's /stats/prometheus.
 */
import type { HistogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import { general } from '#proxy/observe/stats/number-text.ts';
import { approximateSum, cumulativeCounts, QUANTILES, quantiles } from '#proxy/observe/stats/quantiles.ts';
import type { HistogramStat, NumberStat, TextStat } from '#proxy/observe/stats/stats-hub.ts';
import type { TagExtractor } from '#proxy/observe/stats/tag-extraction.ts';

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
  const numbers = (kind: NumberStat['kind']) => stats.numbers.filter((stat) => stat.kind === kind);
  const number = (stat: NumberStat, name: string, labels: string) => `${name}{${labels}} ${stat.value}\n`;
  const text = (stat: TextStat, name: string, labels: string) =>
    `${name}{${joined(labels, label('text_value', stat.value))}} 0\n`;
  const boundText = remembered((bound: number) => label('le', general(bound, 32)));
  const histogram = (stat: HistogramStat, name: string, labels: string) =>
    summary
      ? summaryLines(stat, name, labels)
      : histogramLines(stat, name, labels, options.buckets(stat.name), boundText);
  return [
    section('counter', numbers('counter'), tags, number),
    section('gauge', numbers('gauge'), tags, number),
    section('gauge', stats.texts, tags, text),
    section(summary ? 'summary' : 'histogram', stats.histograms, tags, histogram),
  ].join('');
}

/** Stats that have one name once their tags are taken out stand together. */
function section<T extends { name: string }>(
  type: string,
  stats: readonly T[],
  tags: TagExtractor,
  lineOf: (stat: T, name: string, labels: string) => string,
): string {
  const groups = new Map<string, { name: string; lines: string[] }>();
  const labelName = remembered(metricName);
  for (const stat of stats) {
    const tagged = tags.extract(stat.name);
    let group = groups.get(tagged.name);
    if (group === undefined) {
      const name = `envoy_${metricName(tagged.name)}`;
      group = { name, lines: [`# TYPE ${name} ${type}\n`] };
      groups.set(tagged.name, group);
    }
    const labels = tagged.tags.map((tag) => label(labelName(tag.name), tag.value)).join(',');
    group.lines.push(lineOf(stat, group.name, labels));
  }
  return [...groups]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { lines }]) => lines.join(''))
    .join('');
}

/** The same with what was asked before remembered. */
function remembered<K>(textOf: (key: K) => string): (key: K) => string {
  const known = new Map<K, string>();
  return (key) => {
    let text = known.get(key);
    if (text === undefined) {
      text = textOf(key);
      known.set(key, text);
    }
    return text;
  };
}

function histogramLines(
  { unit, cumulative }: HistogramStat,
  name: string,
  labels: string,
  bounds: readonly number[],
  boundText: (bound: number) => string,
): string {
  const counts = cumulativeCounts(cumulative, bounds, unit);
  const { total } = cumulative;
  const buckets = bounds.map((bound, i) => `${name}_bucket{${joined(labels, boundText(bound))}} ${counts[i]}\n`);
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
  if (!/[\\\n"]/.test(value)) return `${name}="${value}"`;
  return `${name}="${value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')}"`;
}

function joined(labels: string, last: string): string {
  return labels === '' ? last : `${labels},${last}`;
}

function metricName(name: string): string {
  return /[^a-zA-Z0-9_]/.test(name) ? name.replace(/[^a-zA-Z0-9_]/g, '_') : name;
}
