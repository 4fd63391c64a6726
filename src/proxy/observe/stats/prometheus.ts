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
  numbers: Iterable<NumberStat | undefined>;
  histograms: Iterable<HistogramStat | undefined>;
  /** Shown as gauges of value 0 with the text in a label. */
  texts: readonly TextStat[];
}

export interface PrometheusOptions {
  tags: TagExtractor;
  buckets: HistogramBuckets;
  /** Quantiles of the last interval in place of buckets. */
  summary: boolean;
}

/** Line by line, after empty parts while names are looked at: no line is known before all of them are. */
export function* prometheusText(stats: PrometheusStats, options: PrometheusOptions): IterableIterator<string> {
  const { tags, summary } = options;
  const boundText = remembered((bound: number) => label('le', general(bound, 32)));
  const [counters, gauges] = [new Section('counter', tags), new Section('gauge', tags)];
  for (const stat of stats.numbers) {
    yield '';
    if (stat === undefined) continue;
    const section = stat.kind === 'counter' ? counters : gauges;
    section.add(stat.name, (name, labels) => `${name}{${labels}} ${stat.value}\n`);
  }
  yield* counters.lines();
  yield* gauges.lines();
  const texts = new Section('gauge', tags);
  for (const { name: full, value } of stats.texts)
    texts.add(full, (name, labels) => `${name}{${joined(labels, label('text_value', value))}} 0\n`);
  yield* texts.lines();
  const histograms = new Section(summary ? 'summary' : 'histogram', tags);
  for (const stat of stats.histograms) {
    yield '';
    if (stat === undefined) continue;
    histograms.add(stat.name, (name, labels) =>
      summary
        ? summaryLines(stat, name, labels)
        : histogramLines(stat, name, labels, options.buckets(stat.name), boundText),
    );
  }
  yield* histograms.lines();
}

/** Stats of one type: those that have one name once their tags are taken out stand together. */
class Section {
  private readonly type: string;
  private readonly tags: TagExtractor;
  private readonly groups = new Map<string, { name: string; lines: string[] }>();
  private readonly labelName = remembered(metricName);

  constructor(type: string, tags: TagExtractor) {
    this.type = type;
    this.tags = tags;
  }

  add(full: string, lineOf: (name: string, labels: string) => string): void {
    const tagged = this.tags.extract(full);
    let group = this.groups.get(tagged.name);
    if (group === undefined) {
      const name = `envoy_${metricName(tagged.name)}`;
      group = { name, lines: [`# TYPE ${name} ${this.type}\n`] };
      this.groups.set(tagged.name, group);
    }
    const labels = tagged.tags.map((tag) => label(this.labelName(tag.name), tag.value)).join(',');
    group.lines.push(lineOf(group.name, labels));
  }

  *lines(): IterableIterator<string> {
    for (const [, { lines }] of [...this.groups].sort(([one], [other]) => (one < other ? -1 : 1))) yield* lines;
  }
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
