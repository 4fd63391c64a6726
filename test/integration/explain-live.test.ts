/** `fairlead explain --admin` on running proxies. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '#base/entry.ts';
import { bootstrap, httpListener, routeConfig, routeTo, staticCluster } from '#testing/bootstrap.ts';
import { startProxy } from '#testing/start-proxy.ts';

function explain(...args: string[]) {
  return spawnSync(join(packageRoot, 'bin/fairlead'), ['explain', ...args], { encoding: 'utf8' });
}

for (const kind of ['fairlead', 'envoy'] as const) {
  test(`a running ${kind} is asked over its admin API`, async (t) => {
    const listener = httpListener({ name: 'in', port: 0, manager: routeConfig([routeTo('/api', 'backend')]) });
    const proxy = await startProxy(t, bootstrap([listener], [staticCluster('backend', [9])]), { kind });
    const port = await proxy.listenerPort('in');
    const { status, stdout, stderr } = explain('--admin', proxy.admin.address, `http://127.0.0.1:${port}/api`);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^cluster +backend +the route names it, STATIC, ROUND_ROBIN$/m);
    assert.match(stdout, /^ +127\.0\.0\.1:9 +HEALTHY$/m);
  });
}
