import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '#base/entry.ts';
import { eventually } from '#testing/eventually.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const FAIRLEAD = join(packageRoot, 'bin/fairlead');
const cluster = (name: string, more = '') => `clusters:\n- name: ${name}\n  type: STATIC\n${more}`;

function check(folder: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(FAIRLEAD, ['xds-server', folder, '--check'], { encoding: 'utf8' });
}

/** @returns what it said so far, and how a client is answered. */
async function serve(t: TestContext, folder: string) {
  const child: ChildProcess = spawn(FAIRLEAD, ['xds-server', folder, '--port', '0']);
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  const port = await eventually('it serves', () => /serving .*:(\d+)/.exec(output)?.[1]);
  const versions = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/v3/discovery:clusters`, {
      method: 'POST',
      body: '{"node":{"id":"n\\u001b[31m"}}',
    });
    const { versionInfo, resources } = (await response.json()) as {
      versionInfo: string;
      resources?: { name: string }[];
    };
    return [versionInfo, ...(resources ?? []).map(({ name }) => name)].join(' ');
  };
  return { child, versions, output: () => output };
}

test('a good directory is published, and what is wrong with another is said with its place', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'a.yaml'), cluster('a'));
  const good = check(folder);
  assert.deepEqual([good.status, good.stdout], [0, 'published 1 Cluster (version 1)\n']);
  writeFileSync(join(folder, 'b.yaml'), cluster('a', '  conect_timeout: 1s\n'));
  const bad = check(folder);
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /b\.yaml:4:3: error: no field 'conect_timeout' in Cluster/);
  assert.match(bad.stderr, /there is another Cluster 'a'/);
  assert.equal(check(join(folder, 'missing')).status, 1);
});

test('each change is a version, a broken one is refused, and the last good one stays', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.yaml');
  writeFileSync(file, cluster('a'));
  const server = await serve(t, folder);
  assert.equal(await server.versions(), '1 a');
  writeFileSync(file, cluster('b'));
  await eventually('the second version', async () => (await server.versions()) === '2 b');
  writeFileSync(file, 'clusters: [{nam: c}]\n');
  await eventually('the refusal', () => server.output().includes('clients keep what they have'));
  assert.equal(await server.versions(), '2 b');
  rmSync(file);
  await eventually('nothing', async () => (await server.versions()) === '3');
  assert.ok(!server.output().includes('\x1b'), 'what clients send does not reach the terminal as it is');
  server.child.kill('SIGTERM');
  assert.deepEqual(await once(server.child, 'exit'), [0, null]);
});

test('a port that is none is a mistake of the caller', (t) => {
  const { status, stderr } = spawnSync(FAIRLEAD, ['xds-server', temporaryFolder(t), '--port', '70000'], {
    encoding: 'utf8',
  });
  assert.equal(status, 2);
  assert.match(stderr, /'70000' is no port/);
});
