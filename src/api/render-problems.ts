/**
 * Problems as people see them: the place, the words, the field's path, and the line of the file with what is wrong underlined.
 */
import type { Problem } from '#api/problems.ts';
import type { Source } from '#api/source.ts';
import { TextLines } from '#api/text-lines.ts';

/** How much of a line is shown; JSON files may have one line alone. */
const WIDTH = 110;

interface Paint {
  strong(text: string): string;
  severity(text: string, severity: Problem['severity']): string;
  faint(text: string): string;
}

const plain: Paint = { strong: (text) => text, severity: (text) => text, faint: (text) => text };
const colored: Paint = {
  strong: (text) => `\x1b[1m${text}\x1b[22m`,
  severity: (text, severity) => `\x1b[1;${severity === 'error' ? 31 : 33}m${text}\x1b[22;39m`,
  faint: (text) => `\x1b[2m${text}\x1b[22m`,
};

export function renderProblems(
  problems: readonly Problem[],
  sources: Iterable<Source>,
  options: { color?: boolean } = {},
): string {
  const texts = new Map<string, TextLines>();
  for (const source of sources) {
    for (const part of source.parts ?? [source]) texts.set(part.name, new TextLines(part.text));
  }
  const paint = options.color ? colored : plain;
  return [...problems]
    .sort(byPlace)
    .map((problem) => render(problem, texts.get(problem.file), paint))
    .join('\n');
}

/** By line within a file; what has no line comes last. */
function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return 0;
  return (a.line ?? Infinity) - (b.line ?? Infinity) || (a.column ?? 0) - (b.column ?? 0) || 0;
}

/** `2 errors, 1 warning` */
export function countProblems(problems: readonly Problem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const counts = [count(errors, 'error'), count(problems.length - errors, 'warning')];
  return counts.filter((text) => text !== '').join(', ');
}

function count(number: number, what: string): string {
  if (number === 0) return '';
  return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}

function render(problem: Problem, text: TextLines | undefined, paint: Paint): string {
  const { severity, message, path, hint } = problem;
  const line = problem.line === undefined ? undefined : text?.line(problem.line);
  const aside = hint === undefined || line !== undefined ? '' : ` (${hint})`;
  const lines = [`${paint.strong(placeOf(problem))}${paint.severity(`${severity}:`, severity)} ${message}${aside}`];
  if (path !== '') lines.push(`  ${paint.faint(path)}`);
  if (line !== undefined) lines.push(...excerpt(problem, line, paint));
  return lines.join('\n');
}

function placeOf({ file, line, column }: Problem): string {
  if (file === '') return '';
  return line === undefined ? `${file}: ` : `${file}:${line}:${column}: `;
}

/** Private keys that stand on the line, as they do in JSON, are not for everybody who reads the log. The length stays. */
function withoutKeys(line: string): string {
  return line.replace(/(?<=BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|$)/g, (key) => '*'.repeat(key.length));
}

function excerpt(problem: Problem, line: string, paint: Paint): string[] {
  const { line: number = 1, column = 1, length = 1, hint, severity } = problem;
  const cut = column - 1 + Math.min(length, WIDTH / 2) > WIDTH ? column - 1 - WIDTH / 2 : 0;
  const end = cut + WIDTH;
  const shown = `${cut > 0 ? '…' : ''}${withoutKeys(line).slice(cut, end)}${line.length > end ? '…' : ''}`.replaceAll(
    '\t',
    ' ',
  );
  const start = column - 1 - cut + (cut > 0 ? 1 : 0);
  const carets = '^'.repeat(Math.max(1, Math.min(length, shown.length - start)));
  const margin = String(number).padStart(5);
  const mark = paint.severity(hint === undefined ? carets : `${carets} ${hint}`, severity);
  return [`${paint.faint(`${margin} |`)} ${shown}`, `${paint.faint(`${' '.repeat(5)} |`)} ${' '.repeat(start)}${mark}`];
}
