/**
 * Runs the tests, all or those whose path contains an argument, with Node's own runner; its summary comes last.
 * Arguments that begin with two hyphens go to the runner: --test-name-pattern=smuggling
 *
 * Tests that fail beside others run once more with nothing beside them, since real proxies on a busy machine miss what
 * a clock decides. That is said aloud: a test that needed it is to be mended. What fails twice fails the run.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setUpTests } from './setup-tests.ts';
import { root } from './source-files.ts';

/** Tests wait more than they work: there is a file under way for each processor. */
const CONCURRENCY = availableParallelism();
const TESTS = '{src,testing,test,tools,samples}/**/*.test.ts';

const args = process.argv.slice(2);
const forRunner = args.filter((arg) => arg.startsWith('--'));
const filters = args.filter((arg) => !arg.startsWith('--'));
const files = globSync(TESTS, { cwd: root })
  .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
  .sort();

if (files.length === 0) {
  console.error(`no test's path contains ${filters.join(' or ')}`);
  process.exitCode = 1;
} else {
  process.exitCode = run();
}

function run(): number {
  let env: Record<string, string>;
  try {
    env = setUpTests();
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  }
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-tests-'));
  const attempt = (concurrency: number): number => {
    const flags = [`--test-concurrency=${concurrency}`, `--test-rerun-failures=${join(folder, 'passed.json')}`];
    const command = [...process.execArgv, '--test', '--test-reporter=spec', ...flags, ...forRunner, ...files];
    const { status } = spawnSync(process.execPath, command, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    return status ?? 1;
  };
  try {
    const status = attempt(CONCURRENCY);
    // Stopped by a signal, or there was nothing beside what failed.
    if (status !== 1 || files.length === 1) return status;
    console.log(
      '\nThe tests that failed run once more, with nothing beside them. Those that pass now depend on timing: mend them.',
    );
    return attempt(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
