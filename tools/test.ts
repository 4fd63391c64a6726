/**
 * Runs the tests, all or those whose path contains an argument, with Node's own runner; its summary comes last.
 * Arguments that begin with two hyphens go to the runner: --test-name-pattern=smuggling
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setUpTests } from './setup-tests.ts';
import { root } from './source-files.ts';

/** Tests wait more than they work: there is a file under way for each processor. */
const CONCURRENCY = `--test-concurrency=${availableParallelism()}`;
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
  const command = [...process.execArgv, '--test', '--test-reporter=spec', CONCURRENCY, ...forRunner, ...files];
  const { status } = spawnSync(process.execPath, command, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return status ?? 1;
}
