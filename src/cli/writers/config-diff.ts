/**
 * The differences of two dumps as people read them.
 */
import { printable } from '#base/printable.ts';
import type { KindDifference } from '#cli/diff/compare-dumps.ts';
import type { Difference } from '#cli/diff/compare-json.ts';

export interface DiffOptions {
  /** Write terminal colours. */
  color: boolean;
}

const RED = '31';
const GREEN = '32';
const BOLD = '1';

/** So long may a value be that is shown; JSON has it whole. */
const LONGEST = 160;

export function renderConfigDiff(kinds: readonly KindDifference[], { color }: DiffOptions): string {
  const paint = (text: string, code: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const lines: string[] = [];
  for (const { kind, added, removed, changed } of kinds) {
    lines.push(paint(kind, BOLD));
    for (const name of removed) lines.push(paint(`  - ${nameText(name)}`, RED));
    for (const name of added) lines.push(paint(`  + ${nameText(name)}`, GREEN));
    for (const { name, fields } of changed) {
      lines.push(kind === 'bootstrap' ? '' : `  ~ ${nameText(name)}`);
      lines.push(...fields.flatMap((field) => fieldLines(field, paint)));
    }
  }
  return [...lines.filter((line) => line !== ''), summary(kinds), ''].join('\n');
}

/** Of one thing, a line each. */
export function renderDifferences(differences: readonly Difference[], { color }: DiffOptions): string {
  const paint = (text: string, code: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const lines = differences.flatMap((difference) => fieldLines(difference, paint));
  return `${lines.length === 0 ? '      no difference' : lines.join('\n')}\n`;
}

function fieldLines(
  { path, before, after, moved }: Difference,
  paint: (text: string, code: string) => string,
): string[] {
  const place = `      ${path === '' ? '(the whole)' : printable(path)}`;
  if (moved) return [`${place}: the same in another order`];
  if (before === undefined) return [paint(`${place}: + ${valueText(after)}`, GREEN)];
  if (after === undefined) return [paint(`${place}: - ${valueText(before)}`, RED)];
  return [`${place}: ${paint(valueText(before), RED)} -> ${paint(valueText(after), GREEN)}`];
}

function nameText(name: string): string {
  return name === '' ? '(no name)' : printable(name);
}

function valueText(value: unknown): string {
  const text = printable(JSON.stringify(value));
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}... (${text.length} characters)`;
}

function summary(kinds: readonly KindDifference[]): string {
  const count = (list: (kind: KindDifference) => readonly unknown[]) =>
    kinds.reduce((sum, kind) => sum + list(kind).length, 0);
  const [added, removed, changed] = [count((k) => k.added), count((k) => k.removed), count((k) => k.changed)];
  if (added + removed + changed === 0) return 'no difference';
  return `${removed} removed, ${added} added, ${changed} changed`;
}
