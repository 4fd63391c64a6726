import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { entryPath, packageRoot } from '#base/entry.ts';

test('the package is the folder with the launcher', () => {
  assert.ok(existsSync(join(packageRoot, 'bin/fairlead')));
});

test('from the sources an entry is a source file', () => {
  assert.equal(entryPath('src/cli/main'), join(packageRoot, 'src/cli/main.ts'));
});
