/**
 * A management server that does everything wrong, in an order that a seed decides: what runs goes on serving, and once the server says what
 * it should the proxy does it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Any } from '@bufbuild/protobuf/wkt';
import { downstreamTls, httpListener, type Json, routeConfig, staticCluster } from '#testing/bootstrap.ts';
import {
  configSource,
  dynamicBootstrap,
  edsCluster,
  rdsListener,
  routeTable,
  says,
} from '#testing/dynamic-resources.ts';
import { eventually } from '#testing/eventually.ts';
import { anyOf, ManagementServer, type ResourceType, TYPES } from '#testing/management-server.ts';
import { startLoad } from '#testing/request-load.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { Random } from './random.ts';

const ACTIONS = 40;
/** Milliseconds. */
const PATIENCE = 200;

function url(type: ResourceType): string {
  return `type.googleapis.com/${TYPES[type]}`;
}

/** What a server may do wrong, by name. */
function faults(server: ManagementServer, below: (limit: number) => number): Record<string, () => void> {
  const push = (type: ResourceType, resources: Any[], more: object = {}) =>
    server.push({ versionInfo: `bad ${below(1000)}`, typeUrl: url(type), resources, ...more });
  const stranger = (): Any => ({
    ...anyOf(TYPES.cluster, staticCluster('x', [1])),
    typeUrl: 'type.googleapis.com/no.Such',
  });
  const cut = (any: Any): Any => ({ ...any, value: any.value.subarray(0, below(any.value.length)) });
  const good = () => anyOf(TYPES.listener, rdsListener('in', 'r', 'ads'));
  const secret = { name: 'absent', sds_config: configSource('ads') };
  const waiting = httpListener({
    name: 'waiting',
    manager: routeConfig([says('never')]),
    chain: downstreamTls({ tls_certificate_sds_secret_configs: [secret] }),
  });
  return {
    'a type that nobody knows': () => server.push({ versionInfo: '9', typeUrl: 'type.googleapis.com/no.Such' }),
    'a resource of a type that nobody knows': () => push('cluster', [stranger()]),
    'a resource of another type': () => push('listener', [good(), anyOf(TYPES.cluster, staticCluster('x', [1]))]),
    'a resource twice': () => push('listener', [good(), good()]),
    'a resource cut off': () => push('listener', [good(), cut(anyOf(TYPES.listener, waiting))]),
    'bytes that are no response': () => server.pushBytes(Uint8Array.from({ length: 50 }, () => below(256))),
    'no nonce': () => push('route', [anyOf(TYPES.route, routeTable('r', [says('ok')]))], { nonce: '' }),
    'a cluster that waits for its members': () => push('cluster', [anyOf(TYPES.cluster, edsCluster('waiting', 'ads'))]),
    'a listener that waits for its routes': () =>
      push('listener', [good(), anyOf(TYPES.listener, rdsListener('late', 'absent', 'ads'))]),
    'a listener that waits for its secret': () => push('listener', [good(), anyOf(TYPES.listener, waiting)]),
    'a table with a domain twice': () => {
      const [host] = routeTable('r', [says('no')]).virtual_hosts as Json[];
      push('route', [anyOf(TYPES.route, { name: 'r', virtual_hosts: [host, { ...host, name: 'again' }] })]);
    },
    'a broken stream': () => server.breakStreams(),
    'many large resources': () =>
      push(
        'cluster',
        Array.from({ length: 300 }, (_, i) => anyOf(TYPES.cluster, staticCluster(`c${i}`, [1]))),
      ),
  };
}

async function run(t: TestContext, seed: number, concurrency: number): Promise<void> {
  const random = new Random(seed);
  const below = (limit: number) => random.below(limit);
  const server = await ManagementServer.start(t);
  const serve = (version: string, text: string) => {
    server.serve('cluster', version, [staticCluster('c', [1])]);
    server.serve('endpoint', version, []);
    server.serve('secret', version, []);
    server.serve('listener', version, [rdsListener('in', 'r', 'ads')]);
    server.serve('route', version, [routeTable('r', [says(text)])]);
  };
  serve('1', 'ok');
  const proxy = await startProxy(t, dynamicBootstrap(server, 'ads'), { concurrency, logLevel: 'critical' });
  const load = startLoad(t, { port: await proxy.listenerPort('in') });
  const all = Object.entries(faults(server, below));
  for (let i = 0; i < ACTIONS; i++) {
    const [name, act] = all[below(all.length)];
    const seen = server.requests.length;
    act();
    t.diagnostic(`${seed}: ${name}`);
    // Now and then it goes on before the proxy has answered; to some of this there is no answer.
    if (random.chance(50)) await eventually('an answer', () => server.requests.length > seen, PATIENCE).catch(() => {});
  }
  serve('2', 'done');
  await proxy.statBecomes('http.in.rds.r.config_reload', (count) => count >= 2);
  await proxy.statBecomes('listener_manager.total_listeners_warming', 0);
  await proxy.statBecomes('cluster_manager.active_clusters', 2);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await proxy.stat('server.envoy_bug_failures'), 0);
  const wire = await proxy.connect('in');
  await wire.send('GET / HTTP/1.1\r\nhost: a.test\r\n\r\n');
  assert.equal((await wire.response()).body.toString(), 'done');
}

for (const [seed, concurrency] of [
  [1, 1],
  [2, 2],
]) {
  test(`whatever the server does wrong, the proxy serves on and recovers (seed ${seed})`, (t) =>
    run(t, seed, concurrency));
}
