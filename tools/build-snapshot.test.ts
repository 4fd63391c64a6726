import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { buildSnapshot } from './build-snapshot.ts';
import { root } from './source-files.ts';

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
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-snapshot-'));
  t.after(() => rmSync(folder, { recursive: true }));
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
  ]) {
    const fromFiles = run(['--disable-warning=ExperimentalWarning'], args);
    assert.deepEqual(run(['--snapshot-blob', join(folder, 'fairlead.blob')], args), fromFiles, args.join(' '));
  }
});
