/**
 * The files of this repository that people write, for the checks: not what is installed, generated or built.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** A file as the checks see it. */
export interface SourceFile {
  /** From the repository's folder, with slashes. */
  path: string;
  text: string;
}

const LEFT_OUT = new Set(['node_modules', 'dist', 'generated', '.git', '.cache']);
const CODE_FOLDERS = ['src/', 'testing/', 'test/', 'bench/', 'tools/', 'samples/'];

/** Every text file, sorted by path. */
export function textFiles(): SourceFile[] {
  return walk(root)
    .map((file) => ({ path: relative(root, file), text: readFileSync(file, 'utf8') }))
    .filter(({ text }) => !text.includes('\0'))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Those that are TypeScript. */
export function codeFiles(files: readonly SourceFile[]): SourceFile[] {
  return files.filter(({ path }) => path.endsWith('.ts') && CODE_FOLDERS.some((folder) => path.startsWith(folder)));
}

/** Prints what a check found, and makes the process fail if it found anything. */
export function report(problems: readonly string[], fine: string): void {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(fine);
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (LEFT_OUT.has(entry.name) || entry.name.endsWith('.log')) return [];
    if (entry.isDirectory()) return walk(path);
    return entry.isFile() && statSync(path).size < 2_000_000 ? [path] : [];
  });
}
