/**
 * Tables as istioctl prints them: columns as wide as their widest cell and some spaces, the last one as it is.
 */
import { printable } from '#base/printable.ts';

export interface TableOptions {
  /** Spaces between columns: 1 or 5, as istioctl has it for the table. */
  gap: number;
  /** Print the heading in bold. */
  color: boolean;
}

/** Control characters in cells are written out. @returns lines that each end in a line break. */
export function renderTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  { gap, color }: TableOptions,
): string {
  const lines = [heading, ...rows.map((row) => row.map(printable))];
  const widths = heading.map((_, column) => lines.reduce((widest, row) => Math.max(widest, width(row[column])), 0));
  const last = heading.length - 1;
  const text = lines.map((row) =>
    row.map((cell, i) => (i === last ? cell : cell + ' '.repeat(widths[i] + gap - width(cell)))).join(''),
  );
  if (color) text[0] = `\x1b[1m${text[0]}\x1b[0m`;
  return `${text.join('\n')}\n`;
}

/** In characters: most cells have no other than of one unit. */
function width(cell: string): number {
  let count = cell.length;
  for (let i = 0; i < cell.length; i++) {
    if ((cell.charCodeAt(i) & 0xfc00) === 0xdc00) count--;
  }
  return count;
}
