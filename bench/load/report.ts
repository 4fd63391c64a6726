/**
 * The table, for a terminal and for docs/performance.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Row } from './measure.ts';

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const BEGIN = '<!-- table: written by npm run bench -->';
const END = '<!-- end of table -->';
const HEAD = ['measure', 'Envoy', 'Fairlead', 'nginx', 'haproxy', 'ours / Envoy', 'must', 'aim'];

function cells({ title, values, ratio, must, aim, better }: Row): string[] {
  const sign = better === 'lower' ? '<=' : '>=';
  const goal = (value: number | undefined) => (value === undefined ? '' : `${sign} ${value}`);
  const { envoy = '', fairlead = '', nginx = '', haproxy = '' } = values;
  return [title, envoy, fairlead, nginx, haproxy, ratio.toFixed(2), goal(must), goal(aim)];
}

/** @returns whether every `must` holds. */
export function holds(rows: readonly Row[]): boolean {
  return rows.every(
    ({ ratio, must, better }) => must === undefined || (better === 'lower' ? ratio <= must : ratio >= must),
  );
}

export function terminalTable(rows: readonly Row[]): string {
  const table = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, i) => Math.max(...table.map((line) => line[i].length)));
  return table
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Puts the table into the page, in the place of the one before. */
export function writePage(rows: readonly Row[], how: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`${PAGE} has no place for the table`);
  const lines = [HEAD, HEAD.map(() => '---'), ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`);
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  const date = new Date().toISOString().slice(0, 10);
  const text = `${BEGIN}\nMeasured ${date} on ${cpus().length} cores of ${cpu}, ${how}.\n\n${lines.join('\n')}\n`;
  writeFileSync(PAGE, page.slice(0, before) + text + page.slice(after));
}
