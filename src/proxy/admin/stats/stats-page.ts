/**
 * `/stats?format=html`: the stats below a form that asks for them; `active-html` asks again every few seconds.
 */
import type { AdminParams } from '#proxy/admin/handler.ts';
import { escapeHtml, page } from '#proxy/admin/page.ts';
import { BUCKET_MODES, FORMATS, type StatsQuery, TYPES } from '#proxy/admin/stats/stats-query.ts';

const REFRESH_SECONDS = 2;

/** @param stats as text. @param active whether the page asks again by itself. */
export function statsPage(query: StatsQuery, params: AdminParams, stats: string, active: boolean): string {
  const box = (name: string) =>
    `<label><input type="checkbox" name="${name}"${params.has(name) ? ' checked' : ''}> ${name}</label>`;
  const choice = (name: string, options: readonly string[], chosen: string) =>
    `<label>${name} <select name="${name}">${options
      .map((option) => `<option${option === chosen ? ' selected' : ''}>${option}</option>`)
      .join('')}</select></label>`;
  const form = [
    `<label>filter <input name="filter" size="40" value="${escapeHtml(params.get('filter') ?? '')}"></label>`,
    box('usedonly'),
    box('invert_filter'),
    choice('type', TYPES, query.type),
    choice('histogram_buckets', BUCKET_MODES, query.buckets ?? 'summary'),
    choice('format', FORMATS, query.format),
    '<button>Show</button>',
  ];
  const head = active ? `<meta http-equiv="refresh" content="${REFRESH_SECONDS}">\n` : '';
  return page(
    'Stats',
    `<h1>Stats</h1>\n<form action="stats">\n${form.join('\n')}\n</form>\n<pre>${escapeHtml(stats)}</pre>`,
    head,
  );
}
