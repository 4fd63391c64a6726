/** `/stats` and `/stats/prometheus`: every number that the proxy keeps. */
import type { AdminContext } from '#proxy/admin/context.ts';
import {
  type AdminHandler,
  type AdminParameter,
  type AdminParams,
  type AdminResponse,
  html,
  text,
} from '#proxy/admin/handler.ts';
import { statsJson } from '#proxy/admin/stats/stats-json.ts';
import { statsPage } from '#proxy/admin/stats/stats-page.ts';
import {
  BUCKET_MODES,
  FORMATS,
  type StatsQuery,
  selectStats,
  statsQuery,
  TYPES,
} from '#proxy/admin/stats/stats-query.ts';
import { statsText } from '#proxy/admin/stats/stats-text.ts';
import { prometheusText } from '#proxy/observe/stats/prometheus.ts';

const USED_ONLY: AdminParameter = { name: 'usedonly', help: 'only stats that were ever written', flag: true };
const FILTER: AdminParameter = { name: 'filter', help: 'a regular expression (RE2) that names of stats must match' };
const INVERT: AdminParameter = { name: 'invert_filter', help: 'only stats that the filter does not match', flag: true };

export const stats: AdminHandler = {
  path: '/stats',
  help: 'print stats',
  parameters: [
    USED_ONLY,
    FILTER,
    INVERT,
    { name: 'format', help: 'the form of the answer', options: FORMATS },
    { name: 'type', help: 'only stats of this type', options: TYPES },
    { name: 'histogram_buckets', help: 'how histograms are shown', options: BUCKET_MODES },
  ],
  answer: ({ params }, context) => answer(params, context, undefined),
};

export const statsPrometheus: AdminHandler = {
  path: '/stats/prometheus',
  help: "print stats in Prometheus' format",
  parameters: [
    USED_ONLY,
    { name: 'text_readouts', help: 'also texts, as gauges of value 0 with the text in a label', flag: true },
    FILTER,
    INVERT,
    { name: 'histogram_buckets', help: 'how histograms are shown', options: ['cumulative', 'summary'] },
  ],
  answer: ({ params }, context) => answer(params, context, 'prometheus'),
};

async function answer(
  params: AdminParams,
  context: AdminContext,
  format: 'prometheus' | undefined,
): Promise<AdminResponse> {
  const query = statsQuery(params);
  if ('body' in query) return query;
  await context.stats.refresh();
  const selected = selectStats(query, context.stats);
  const { buckets } = context.stats;
  switch (format ?? query.format) {
    case 'json':
      return { contentType: 'application/json', body: statsJson(selected, query.buckets, buckets) };
    case 'prometheus':
      return prometheus(query, context);
    case 'html':
      return html(statsPage(query, params, [...statsText(selected, query.buckets, buckets)].join(''), false));
    case 'active-html':
      return html(statsPage(query, params, [...statsText(selected, query.buckets, buckets)].join(''), true));
    default:
      return text(statsText(selected, query.buckets, buckets));
  }
}

function prometheus(query: StatsQuery, { stats }: AdminContext): AdminResponse {
  if (query.buckets === 'prometheusnative') {
    return text('unsupported prometheusnative histogram type when not using protobuf exposition format', 400);
  }
  if (query.buckets === 'detailed' || query.buckets === 'disjoint') {
    return text('unsupported prometheus histogram bucket mode', 400);
  }
  const selected = selectStats(query, stats);
  const texts = query.textReadouts ? selected.texts : [];
  const summary = query.buckets === 'summary' || query.buckets === 'none';
  return text(prometheusText({ ...selected, texts }, { tags: stats.tags, buckets: stats.buckets, summary }));
}
