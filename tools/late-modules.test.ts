import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { build } from 'esbuild';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { builtInModules } from './built-in-modules.ts';
import { LATE } from './late-modules.ts';

test('a class that extends a late TLSSocket makes objects of one shape, which compiled code knows', async (t) => {
  const outfile = join(temporaryFolder(t), 'late.cjs');
  await build({
    stdin: { contents: "import { TLSSocket } from 'node:tls'; export class Mine extends TLSSocket {}" },
    outfile,
    bundle: true,
    format: 'cjs',
    plugins: [builtInModules(LATE)],
  });
  const script = `
    const { Mine } = require(${JSON.stringify(outfile)});
    const made = Array.from({ length: 3 }, () => new Mine(undefined, {isServer: true}));
    console.log(made[0] instanceof require('tls').TLSSocket, %HaveSameMap(made[1], made[2]), %HasFastProperties(made[2]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--allow-natives-syntax', '-e', script], {
    encoding: 'utf8',
  });
  assert.deepEqual([stdout, stderr], ['true true true\n', '']);
});
