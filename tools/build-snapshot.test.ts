import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { eventually } from '#testing/eventually.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { buildSnapshot } from './build-snapshot.ts';
import { root } from './source-files.ts';

/** As bin/fairlead has it. */
const QUIET = ['--disable-warning=ExperimentalWarning'];

const BOOTSTRAP = `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 1}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 204}}]}]
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`;

test('the program says the same from a snapshot as from its files', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const folder = temporaryFolder(t);
  const size = await buildSnapshot(root, folder);
  assert.ok(size !== undefined && size < 12 * 2 ** 20, `${size} bytes`);
  const config = join(folder, 'bootstrap.yaml');
  writeFileSync(config, BOOTSTRAP);
  const main = join(root, 'src/cli/main.ts');
  const run = (flags: string[], args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, main, ...args], { encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  for (const args of [
    ['proxy', '--version'],
    ['proxy', '--nonesuch'],
    ['proxy', '-c', config, '--mode', 'validate'],
    ['explain', '-c', config, 'http://a.test/'],
    ['explain', '--admin', '127.0.0.1:1', 'http://a.test/'],
    ['explain', '--file', config, 'http://a.test/'],
  ]) {
    const fromFiles = run(QUIET, args);
    assert.deepEqual(
      run([...QUIET, '--snapshot-blob', join(folder, 'fairlead.blob')], args),
      fromFiles,
      args.join(' '),
    );
  }
});

test('a process does not hold the snapshot in memory of its own', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = temporaryFolder(t);
  await buildSnapshot(root, folder);
  // The program looks beside its main file for the pages.
  const main = join(folder, 'fairlead.js');
  const args = ['proxy', '--config-yaml', '{}', '--use-dynamic-base-id', '--concurrency', '1', '-l', 'off'];
  const child = spawn(process.execPath, [...QUIET, '--snapshot-blob', join(folder, 'fairlead.blob'), main, ...args]);
  t.after(() => child.kill('SIGKILL'));
  await eventually('the pages are mapped', async () =>
    readFileSync(`/proc/${child.pid}/maps`, 'utf8').includes(join(folder, 'fairlead.blob.pages')),
  );
});
