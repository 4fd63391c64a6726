/**
 * The live table of a sample: how often each route is asked and how it does. On a terminal it is redrawn in place;
 * elsewhere a line says now and then what is new.
 */
import type { ClusterStats } from '#cli/sample/cluster-stats.ts';

/** A route as the table shows it. */
export interface Row {
  label: string;
  stats: ClusterStats;
  perSecond: number;
}

const HEAD = ['route', 'requests/s', '2xx', '4xx', '5xx', 'p50', 'p99'];

/** The table's lines, columns aligned, each at most as wide as the terminal. */
export function tableLines(rows: readonly Row[], width: number): string[] {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  return cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('   ')
      .trimEnd()
      .slice(0, width),
  );
}

/** What overwrites the lines drawn before; nothing else may have been written in between. */
export function redraw(lines: readonly string[], drawnBefore: number): string {
  const up = drawnBefore === 0 ? '' : `\x1b[${drawnBefore}A`;
  return up + lines.map((line) => `\x1b[2K${line}\n`).join('');
}

/** One plain line: the routes that were asked since the start. */
export function plainLine(rows: readonly Row[]): string {
  const asked = rows.filter((row) => row.stats.requests > 0);
  return asked
    .map(
      ({ label, stats }) => `${label} ${stats.requests} answers, ${share(stats)} 2xx, p99 ${milliseconds(stats.p99)}`,
    )
    .join('; ');
}

function cellsOf({ label, stats, perSecond }: Row): string[] {
  const { clientErrors, serverErrors, p50, p99 } = stats;
  return [
    label,
    perSecond.toFixed(1),
    share(stats),
    `${clientErrors}`,
    `${serverErrors}`,
    milliseconds(p50),
    milliseconds(p99),
  ];
}

function share({ requests, ok }: ClusterStats): string {
  return requests === 0 ? '-' : `${Math.floor((ok / requests) * 100)}%`;
}

/** The proxy counts whole milliseconds and interpolates: below one it knows no more than that. */
function milliseconds(value: number | undefined): string {
  if (value === undefined) return '-';
  return value < 1 ? '<1 ms' : `${value.toFixed(1)} ms`;
}
