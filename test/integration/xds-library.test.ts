import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { packageRoot } from '#base/entry.ts';

const PROGRAM = `
import { InconsistentSnapshot, resource, SnapshotCache, startXdsServer } from 'fairlead/xds';
const cache = new SnapshotCache();
const server = await startXdsServer({ cache, host: '127.0.0.1', port: 0 });
const type = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
cache.set('', [resource({ '@type': type, name: 'a', type: 'STATIC' })]);
let refused = false;
try { cache.set('', [resource({ '@type': type, name: 'b', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } })]); }
catch (error) { refused = error instanceof InconsistentSnapshot; }
const response = await fetch('http://127.0.0.1:' + server.port + '/v3/discovery:clusters', { method: 'POST', body: '{}' });
const { versionInfo, resources } = await response.json();
console.log(JSON.stringify({ refused, versionInfo, names: resources.map(({ name }) => name) }));
await server.close();
`;

test('the package is a library for management servers', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), { refused: true, versionInfo: '1', names: ['a'] });
});
