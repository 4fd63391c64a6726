/**
 * Follows a running sample: asks the proxy's admin each second and shows the live table.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterStats, fetchClusterStats } from '#cli/sample/cluster-stats.ts';
import { plainLine, type Row, redraw, tableLines } from '#cli/sample/live-table.ts';
import type { TableOf } from '#cli/sample/sample.ts';

const EVERY_MS = 1000;
/** Between two plain lines. */
const PLAIN_EVERY_MS = 10_000;
/** Of a terminal that does not tell. */
const COLUMNS = 80;

/** Shows the table until the signal aborts. */
export async function watch(table: TableOf, signal: AbortSignal): Promise<void> {
  const show = process.stdout.isTTY ? onTerminal() : inLog();
  const clusters = table.rows.map((row) => row.cluster);
  let before: Map<string, ClusterStats> | undefined;
  let askedAt = performance.now();
  while (!signal.aborted) {
    // A proxy that ends is reported by who started it.
    const stats = await fetchClusterStats(table.adminPort, clusters).catch(() => undefined);
    const now = performance.now();
    if (stats !== undefined && !signal.aborted) {
      show(table.rows.map(({ label, cluster }) => row(label, stats, before ?? stats, cluster, now - askedAt)));
      before = stats;
      askedAt = now;
    }
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

function row(
  label: string,
  stats: Map<string, ClusterStats>,
  before: Map<string, ClusterStats>,
  cluster: string,
  elapsedMs: number,
): Row {
  const current = stats.get(cluster) as ClusterStats;
  const since = before.get(cluster) as ClusterStats;
  return { label, stats: current, perSecond: ((current.requests - since.requests) * 1000) / elapsedMs };
}

function onTerminal(): (rows: Row[]) => void {
  let drawn = 0;
  return (rows) => {
    const lines = tableLines(rows, process.stdout.columns || COLUMNS);
    process.stdout.write(redraw(lines, drawn));
    drawn = lines.length;
  };
}

function inLog(): (rows: Row[]) => void {
  let said = '';
  let saidAt = Number.NEGATIVE_INFINITY;
  return (rows) => {
    const line = plainLine(rows);
    if (line === said || performance.now() - saidAt < PLAIN_EVERY_MS) return;
    process.stdout.write(`${line}\n`);
    said = line;
    saidAt = performance.now();
  };
}
