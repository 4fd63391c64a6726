import assert from 'node:assert/strict';
import test from 'node:test';
import { checkFiles } from './check-files.ts';

const HEAD = '/** What it is for. */\n';

function errors(path: string, text: string): string[] {
  return checkFiles([{ path, text }]).errors;
}

test('a file longer than the habit is told, one longer than the wall fails', () => {
  const lines = (count: number) => [{ path: 'src/base/a.ts', text: HEAD + '\n'.repeat(count - 1) }];
  assert.deepEqual(checkFiles(lines(300)), { errors: [], warnings: [] });
  assert.equal(checkFiles(lines(301)).warnings.length, 1);
  assert.equal(checkFiles(lines(600)).errors.length, 0);
  assert.equal(checkFiles(lines(601)).errors.length, 1);
});

test('names are in kebab-case and say something', () => {
  for (const name of ['fooBar.ts', 'foo_bar.ts', 'utils.ts', 'helper.test.ts']) {
    assert.equal(errors(`src/base/${name}`, HEAD).length, 1, name);
  }
  assert.deepEqual(errors('src/base/foo-bar.test.ts', ''), []);
});

test('a file opens with its purpose', () => {
  assert.equal(errors('src/base/a.ts', "import 'node:fs';\n").length, 1);
  assert.deepEqual(errors('src/base/a.ts', HEAD), []);
});

test('paths of a machine and hosts of registries are found in every file', () => {
  const slash = '/';
  assert.equal(errors('README.md', `see ${slash}work/main\n`).length, 1);
  assert.equal(errors('a.json', `"${slash}root/x"\n`).length, 1);
  assert.deepEqual(errors('README.md', 'the framework/ folder, root/x\n'), []);
  assert.equal(errors('package-lock.json', `"resolved": "http${'s'}://x/y.tgz"\n`).length, 1);
});

test('what is unfinished, and a test that keeps others from running, is found', () => {
  assert.equal(errors('src/base/a.ts', `${HEAD}// TOD${'O'}: later\n`).length, 1);
  assert.equal(errors('src/base/a.test.ts', `test.onl${'y'}('x');\n`).length, 1);
});
