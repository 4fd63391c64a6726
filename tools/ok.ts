/**
 * Checks what must hold before a commit, one line a step; a step that fails is printed whole, and the others still run.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from './source-files.ts';

interface Step {
  label: string;
  args: string[];
  /** Of what a failure printed, the part that matters. */
  excerpt?(output: string): string;
}

const bin = (name: string) => join('node_modules', name);
/** Node's runner leaves a core to itself, which it does not need. */
const CONCURRENCY = `--test-concurrency=${availableParallelism()}`;

const STEPS: Step[] = [
  { label: 'generate types', args: ['tools/generate-types.ts'] },
  { label: 'types', args: [bin('typescript/bin/tsc'), '--noEmit', '-p', '.'] },
  { label: 'lint and format', args: [bin('@biomejs/biome/bin/biome'), 'check', '--max-diagnostics=200'] },
  { label: 'imports', args: ['tools/check-imports.ts'] },
  { label: 'files', args: ['tools/check-files.ts'] },
  { label: 'docs', args: ['tools/check-docs.ts'] },
  { label: 'unit tests', args: ['--test', CONCURRENCY, '--test-reporter=spec', ...unitTests()], excerpt: fromSummary },
];
const LABEL_WIDTH = 20;

for (const step of STEPS) {
  const started = performance.now();
  const { status, output } = await run(step.args);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${status === 0 ? '✓' : '✗'} ${step.label.padEnd(LABEL_WIDTH)}${seconds.padStart(5)} s${remark(status, output)}`,
  );
  if (status === 0) continue;
  console.log((step.excerpt ?? whole)(output));
  process.exitCode = 1;
}

function run(args: string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('close', (status) => resolve({ status, output: Buffer.concat(chunks).toString() }));
  });
}

/** How many tests ran, and what a check that passed still warns of. */
function remark(status: number | null, output: string): string {
  if (status !== 0) return '';
  const tests = /^ℹ tests (\d+)$/m.exec(output);
  if (tests !== null) return `   ${tests[1]} tests`;
  const warnings = output.split('\n').filter((line) => line.includes('is the habit'));
  return warnings.length === 0 ? '' : `   ${warnings.length} over the habit of 300 lines`;
}

function unitTests(): string[] {
  return globSync('{src,testing,tools}/**/*.test.ts', { cwd: root }).sort();
}

function whole(output: string): string {
  return output;
}

/** The failures stand after the list of all tests. */
function fromSummary(output: string): string {
  const at = output.lastIndexOf('\nℹ tests ');
  return at === -1 ? output : output.slice(at + 1);
}
