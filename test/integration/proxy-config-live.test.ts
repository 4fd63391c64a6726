/**
 * `fairlead proxy-config --admin`: of our proxy and of real Envoy with the same bootstrap it tells the same.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { configDiff } from '#cli/commands/config-diff.ts';
import { proxyConfig } from '#cli/commands/proxy-config.ts';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, routeConfig, routeTo, staticCluster } from '#testing/bootstrap.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';

async function started(t: TestContext, kind: ProxyKind, port: number) {
  const routes = [routeTo('/api', 'backend'), { match: { path: '/old' }, redirect: { path_redirect: '/new' } }];
  const config = bootstrap(
    [httpListener({ name: 'in', manager: routeConfig(routes, { domains: ['a.test', 'b.test'] }) })],
    [staticCluster('backend', [port]), staticCluster('outbound|80|v1|x.default.svc.cluster.local', [port])],
  );
  return (await startProxy(t, config, { kind })).admin.address;
}

const CALLS = [
  ['listeners', '-o', 'short'],
  ['listeners', '-o', 'json'],
  ['routes'],
  ['routes', '-o', 'yaml'],
  ['clusters'],
  ['clusters', '-o', 'yaml'],
  ['clusters', '--fqdn', 'x.default'],
  ['endpoints'],
  ['endpoints', '--cluster', 'backend', '--status', 'healthy'],
  ['eds'],
];

test('every command shows of our proxy what it shows of real Envoy', async (t) => {
  const upstream = await startUpstream(t, answer());
  const [ours, theirs] = await Promise.all([started(t, 'fairlead', upstream.port), started(t, 'envoy', upstream.port)]);
  for (const call of CALLS) {
    const [mine, real] = await Promise.all(
      [ours, theirs].map((admin) => proxyConfig([...call, '--admin', admin], false)),
    );
    assert.deepEqual(mine, real, call.join(' '));
    assert.deepEqual([real.status, real.err], [0, ''], call.join(' '));
    assert.match(real.out, /backend|x\.default|Inline Route|a\.test/);
  }
  for (const admin of [ours, theirs]) {
    const versions = await proxyConfig(['bootstrap', '-o', 'short', '--admin', admin], false);
    assert.match(versions.out, /^Envoy Version: 1\.40\.0\//);
    const all = await proxyConfig(['all', '--admin', admin], false);
    assert.deepEqual([all.status, all.err], [0, '']);
    assert.match(all.out, /^No active or warming secrets found\.$/m);
  }
  const { out, err } = await configDiff([ours, theirs], false);
  assert.equal(err, '');
  assert.deepEqual(out.match(/^\w+$/gm), ['bootstrap'], out);
});

test('log reads and sets the levels of both', async (t) => {
  for (const kind of ['fairlead', 'envoy'] as const) {
    const admin = await started(t, kind, 1);
    const log = async (...args: string[]) => await proxyConfig(['log', '--admin', admin, ...args], false);
    assert.match((await log()).out, /^ +http: error$/m, kind);
    const set = await log('--level', 'info,http:debug,router=trace');
    assert.match(set.out, /^ +http: debug$/m, kind);
    assert.match(set.out, /^ +router: trace$/m);
    assert.match(set.out, /^ +upstream: info$/m);
    assert.match((await log('--reset')).out, /^ +http: warning$/m);
    assert.deepEqual(await log('--level', 'nonesuch:debug'), {
      status: 2,
      out: '',
      err: 'Error: unrecognized logger name: nonesuch\n',
    });
    assert.equal((await log('--level', 'loud')).err, 'Error: unrecognized logging level: loud\n');
  }
});

test('a proxy that is not there is told of', async () => {
  const { status, err } = await proxyConfig(['listeners', '--admin', '127.0.0.1:1'], false);
  assert.equal(status, 2);
  assert.match(err, /^Error: 127\.0\.0\.1:1\/config_dump: connect ECONNREFUSED/);
});
