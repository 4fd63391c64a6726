/**
 * What a caller of `/stats` asks for, and the stats that answer it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats
 */
import type { AdminStats } from '#proxy/admin/context.ts';
import { type AdminParams, type AdminResponse, text } from '#proxy/admin/handler.ts';
import { regexFilter } from '#proxy/admin/regex-filter.ts';
import type { HistogramStat, NumberStat, TextStat } from '#proxy/observe/stats/stats-hub.ts';

export const FORMATS = ['html', 'active-html', 'text', 'json'] as const;
export const TYPES = ['All', 'Counters', 'Histograms', 'Gauges', 'TextReadouts'] as const;
export const BUCKET_MODES = ['cumulative', 'disjoint', 'detailed', 'summary'] as const;

export type StatsFormat = (typeof FORMATS)[number] | 'prometheus';
export type StatType = (typeof TYPES)[number];
/** `none` is another word for summary. */
export type BucketMode = (typeof BUCKET_MODES)[number] | 'none' | 'prometheusnative';

export interface StatsQuery {
  format: StatsFormat;
  type: StatType;
  usedOnly: boolean;
  textReadouts: boolean;
  buckets: BucketMode | undefined;
  keeps: (name: string) => boolean;
}

/** The stats that a query asks for, each kind sorted by name; undefined: some were passed over. */
export interface SelectedStats {
  texts: TextStat[];
  /** Counters and gauges. */
  numbers: Iterable<NumberStat | undefined>;
  histograms: Iterable<HistogramStat | undefined>;
}

/** @returns the query, or the answer that says what is wrong with it. */
export function statsQuery(params: AdminParams): StatsQuery | AdminResponse {
  const format = params.get('format') || 'text';
  if (!oneOf([...FORMATS, 'prometheus'], format))
    return text('usage: /stats?format=(html|active-html|json|prometheus|text)\n\n', 400);
  const filter = regexFilter(params.get('filter'), params.has('invert_filter'));
  if ('problem' in filter) return text(`Invalid re2 regex: ${filter.problem}`, 400);
  const type = params.get('type') || 'All';
  if (!oneOf(TYPES, type)) return text('invalid &type= param', 400);
  const buckets = params.get('histogram_buckets') || undefined;
  if (buckets !== undefined && !oneOf([...BUCKET_MODES, 'none', 'prometheusnative'], buckets)) {
    return text('usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n', 400);
  }
  const hidden = params.get('hidden') || 'include';
  if (!oneOf(['include', 'only', 'exclude'], hidden))
    return text('usage: /stats?hidden=(include|only|exclude)\n\n', 400);
  return {
    format: format as StatsFormat,
    type: type as StatType,
    usedOnly: params.has('usedonly'),
    textReadouts: params.has('text_readouts'),
    buckets: buckets as BucketMode | undefined,
    // Nothing is hidden here: slots that are not shown are no stats.
    keeps: hidden === 'only' ? () => false : filter.keeps,
  };
}

export function selectStats(query: StatsQuery, { hub }: AdminStats): SelectedStats {
  const { type, usedOnly, keeps } = query;
  const wanted = (...kinds: StatType[]) => type === 'All' || kinds.includes(type);
  const kind = type === 'Counters' ? 'counter' : type === 'Gauges' ? 'gauge' : undefined;
  return {
    texts: wanted('TextReadouts') ? hub.texts().filter(({ name, used }) => (used || !usedOnly) && keeps(name)) : [],
    numbers: wanted('Counters', 'Gauges') ? hub.eachNumber({ kind, usedOnly, keeps }) : [],
    histograms: wanted('Histograms') ? hub.eachHistogram({ usedOnly, keeps }) : [],
  };
}

function oneOf(choices: readonly string[], value: string): boolean {
  return choices.includes(value);
}
