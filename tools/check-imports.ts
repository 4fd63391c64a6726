/**
 * Holds the import rules of docs/ARCHITECTURE.md: which area may import which, no cycles, and packages only where they
 * are declared.
 */
import { dirname, join } from 'node:path/posix';
import packageJson from '../package.json' with { type: 'json' };
import { type Import, importsOf } from './imports.ts';
import { codeFiles, report, type SourceFile, textFiles } from './source-files.ts';

/** The areas under src/, and what each may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  api: ['base'],
  wire: ['base'],
  config: ['base', 'api'],
  selection: ['base', 'api', 'config'],
  dump: ['base', 'api'],
  explain: ['base', 'api', 'config', 'selection', 'dump'],
  proxy: ['base', 'api', 'config', 'selection', 'wire'],
  control: ['base', 'api'],
  cli: ['base', 'api', 'config', 'selection', 'dump', 'explain', 'proxy', 'control'],
};

/** Folders with leave to import more than their area. */
const ALSO: Record<string, readonly string[]> = { 'src/proxy/admin/': ['explain'] };

/** Types alone, and of the API's area. */
const GENERATED = '#envoy/';

/** @returns a line for each import that breaks a rule. */
export function checkImports(files: readonly SourceFile[]): string[] {
  const problems: string[] = [];
  for (const file of files) {
    for (const found of importsOf(file.text)) {
      const problem = problemOf(file.path, found);
      if (problem !== undefined) problems.push(`${file.path}:${found.line}: ${problem}`);
    }
  }
  return [...problems, ...cycles(files)];
}

function problemOf(path: string, { specifier, typeOnly }: Import): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  const test = path.endsWith('.test.ts') || path.startsWith('testing/') || path.startsWith('test/');
  const inSource = path.startsWith('src/');
  if (specifier.startsWith('.')) {
    const target = join(dirname(path), specifier);
    const sibling = dirname(target) === dirname(path);
    if (inSource && !sibling && !specifier.endsWith('.json')) {
      return `'${specifier}' goes by folders; write '#area/...'`;
    }
    return undefined;
  }
  if (!specifier.startsWith('#')) return packageProblem(path, specifier, test);
  if (specifier.startsWith(GENERATED) && !typeOnly) return `'${specifier}' has types only; write 'import type'`;

  const target = specifier.startsWith(GENERATED) ? 'api' : specifier.slice(1, specifier.indexOf('/'));
  if (target === 'testing') return test || path.startsWith('bench/') ? undefined : 'only tests may import #testing';
  if (!inSource) return undefined;
  const area = path.split('/')[1];
  const allowed = MAY_IMPORT[area];
  if (allowed === undefined) return `no rule says what src/${area} may import; add it to tools/check-imports.ts`;
  if (target === area || allowed.includes(target)) return undefined;
  if (Object.entries(ALSO).some(([folder, more]) => path.startsWith(folder) && more.includes(target))) return undefined;
  return `${area} may not import #${target} (only ${allowed.join(', ') || 'nothing of ours'})`;
}

/** What runs after an install without development packages may not need one of them. */
function packageProblem(path: string, specifier: string, test: boolean): string | undefined {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  // Its own public library, in tests and examples.
  if (name === packageJson.name && !path.startsWith('src/')) return undefined;
  if (Object.hasOwn(packageJson.dependencies, name)) return undefined;
  if (!Object.hasOwn(packageJson.devDependencies, name)) return `package '${name}' is not in package.json`;
  return path.startsWith('src/') && !test ? `package '${name}' is there for development only` : undefined;
}

/** Files that need each other while they load: neither a type nor a dynamic import does. */
function cycles(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, loadedBy(file)]));
  const problems: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: string[]) => {
    const seen = way.indexOf(path);
    if (seen !== -1) {
      problems.push(`${path}: imports itself: ${[...way.slice(seen), path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const file of files) visit(file.path, []);
  return problems;
}

function loadedBy(file: SourceFile): string[] {
  return importsOf(file.text)
    .filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic)
    .flatMap(({ specifier }) => {
      if (specifier.startsWith('.')) return [join(dirname(file.path), specifier)];
      if (specifier.startsWith('#testing/')) return [specifier.slice(1)];
      return specifier.startsWith('#') ? [`src/${specifier.slice(1)}`] : [];
    });
}

if (import.meta.main) {
  const files = codeFiles(textFiles());
  report(checkImports(files), `${files.length} files`);
}
