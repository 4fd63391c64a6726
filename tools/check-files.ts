/**
 * Holds the habits of CONTRIBUTING.md that a script can see: size, name, first comment, and nothing in the tree that
 * belongs to one machine.
 */
import { basename } from 'node:path/posix';
import { codeFiles, report, type SourceFile, textFiles } from './source-files.ts';

const HABIT = 300;
const WALL = 600;
const EMPTY_NAMES = /^(utils?|helpers?|common|misc|shared|stuff)$/;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/;

/** Spelt so that this file does not hold what it looks for. */
const MACHINE = /(^|[\s'"`(=:])\/(wor[k]|far[m]|roo[t]|hom[e]\/\w+|tm[p]\/\w+-pkg)\//;
const REGISTRIES = /registry\.npmj[s]|npmmirro[r]|proxy\.golan[g]|deb\.debia[n]|crates\.i[o]|pypi\.or[g]/;
const UNFINISHED = /\b(TOD[O]|FIXM[E]|XX[X])\b/;
const NARROWED = /\b(test|it|describe)\.onl[y]\(/;

/** What was found: errors fail the check, warnings are told. */
export interface FileFindings {
  errors: string[];
  warnings: string[];
}

export function checkFiles(files: readonly SourceFile[]): FileFindings {
  const errors: string[] = [];
  const warnings: string[] = [];
  for (const { path, text } of codeFiles(files)) {
    const lines = text.split('\n').length - 1;
    if (lines > WALL) errors.push(`${path}: ${lines} lines, ${WALL} is the wall`);
    else if (lines > HABIT) warnings.push(`${path}: ${lines} lines, ${HABIT} is the habit`);

    const name = basename(path);
    const word = name.replace(/(\.test)?\.ts$/, '');
    if (!KEBAB.test(name)) errors.push(`${path}: a name is in kebab-case`);
    if (EMPTY_NAMES.test(word)) errors.push(`${path}: '${word}' says nothing; name it after what it holds`);
    if (!path.endsWith('.test.ts') && !text.startsWith('/**')) errors.push(`${path}: opens without saying its purpose`);
    errors.push(
      ...matches(path, text, UNFINISHED, 'unfinished'),
      ...matches(path, text, NARROWED, 'other tests do not run'),
    );
  }
  for (const { path, text } of files) {
    errors.push(...matches(path, text, MACHINE, "a path of somebody's machine"));
    errors.push(...matches(path, text, REGISTRIES, "a registry's host"));
    if (path === 'package-lock.json' && text.includes('"resolved": "http')) {
      errors.push(`${path}: names hosts; install with npm's omit-lockfile-registry-resolved`);
    }
  }
  return { errors, warnings };
}

function matches(path: string, text: string, pattern: RegExp, what: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${what}: ${line.trim()}`] : []));
}

if (import.meta.main) {
  const files = textFiles();
  const { errors, warnings } = checkFiles(files);
  for (const warning of warnings) console.log(warning);
  report(errors, `${files.length} files`);
}
