/** ODCDS: clusters that our proxy and real Envoy fetch when a request wants to go to them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { httpListener, type Json, routeConfig, routerFilter, staticCluster, typed } from '#testing/bootstrap.ts';
import { configSource, dynamicBootstrap, type Transport } from '#testing/dynamic-resources.ts';
import { anyOf, ManagementServer, TYPES } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';

const ON_DEMAND = 'extensions.filters.http.on_demand.v3';
const COUNTERS = /odcds\.update_(success|rejected)$|cluster_manager\.(active_clusters|cluster_removed)$/;

function listener(name: string, filters: Json[], source: Json): Json {
  const to = (prefix: string, route: Json, own?: Json) => ({
    match: { prefix },
    route,
    ...(own && { typed_per_filter_config: { o: typed(`${ON_DEMAND}.PerRouteConfig`, own) } }),
  });
  const routes = [
    to('/never', { cluster_header: 'x-cluster' }, {}),
    to('/own', { cluster_header: 'x-cluster' }, { odcds: { source, timeout: '5s' } }),
    to('/named', { cluster: 'named' }),
    to('/weighted', { weighted_clusters: { clusters: [{ name: 'weighted', weight: 1 }] } }),
    to('/', { cluster_header: 'x-cluster' }),
  ];
  const table = routeConfig(routes, {}, { validate_clusters: false });
  return httpListener({ name, manager: { stat_prefix: name, ...table, http_filters: [...filters, routerFilter()] } });
}

/** @param from how clusters on demand are fetched; others come by ADS */
async function talk(t: TestContext, kind: ProxyKind, from: Transport) {
  const server = await ManagementServer.start(t);
  const { port } = await startUpstream(t, answer('up'));
  const source = configSource(from);
  const filter = (odcds: Json) => [{ name: 'o', typed_config: typed(`${ON_DEMAND}.OnDemand`, { odcds }) }];
  server.serve('cluster', '1', [staticCluster('known', [port])]);
  server.serve('listener', '1', [
    listener('waits', filter({ source }), source),
    listener('hurries', filter({ source, timeout: '0.2s' }), source),
    listener('does-not', [], source),
  ]);
  const proxy = await startProxy(t, dynamicBootstrap(server, 'delta ads'), {
    kind,
    concurrency: from === 'delta ads' ? 1 : 2,
  });
  const seen: string[] = [];
  const ask = async (to: string, cluster: string, path = '/', body = '') => {
    const wire = await proxy.connect(to);
    const length = body && `content-length: ${body.length}\r\n`;
    const head = `${body === '' ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nhost: a.test\r\nx-cluster: ${cluster}\r\n`;
    await wire.send(`${head}${length}connection: close\r\n\r\n${body}`);
    const { status, body: said } = await wire.response(body === '' ? 'GET' : 'POST');
    seen.push(`${to} ${path} ${cluster}: ${status} ${said}`);
  };
  const asked = async (name: string) => {
    const isAsked = ({ type, names }: { type: string; names: string[] }) =>
      type === TYPES.cluster && names.includes(name);
    const { names } = await server.requestWhere(`${name} is asked for`, isAsked);
    seen.push(`asks for ${names}`);
  };
  const push = (names: string[], removed: string[] = [], more: Json = {}) =>
    server.pushDelta({
      typeUrl: `type.googleapis.com/${TYPES.cluster}`,
      systemVersionInfo: '2',
      resources: names.map((name) => ({
        name,
        version: '2',
        resource: anyOf(TYPES.cluster, staticCluster(name, [port], more)),
      })) as never,
      removedResources: removed,
    });
  for (const name of ['known', 'absent', 'a']) await ask('does-not', name);
  await ask('waits', 'known');
  await ask('waits', '');
  await ask('waits', 'a', '/never');
  const waiting = [ask('waits', 'a'), ask('waits', 'a', '/', 'body')];
  await asked('a');
  push(['a']);
  await Promise.all(waiting);
  await ask('does-not', 'a');
  for (const [path, name] of [
    ['/own', 'own'],
    ['/named', 'named'],
    ['/weighted', 'weighted'],
  ]) {
    const waits = ask(path === '/own' ? 'hurries' : 'waits', 'own', path);
    await asked(name);
    push([name]);
    await waits;
  }
  const nobody = ask('waits', 'nobody');
  await asked('nobody');
  push([], ['nobody']);
  await nobody;
  await ask('hurries', 'late');
  const bad = ask('hurries', 'bad');
  await asked('bad');
  push(['bad'], [], { lb_policy: 'CLUSTER_PROVIDED' });
  await bad;
  const { error } = await server.requestWhere('the update is refused', (request) => request.error !== '');
  assert.match(error, /cluster 'bad' did not provide one/);
  push([], ['a']);
  await proxy.statBecomes('cluster_manager.cluster_removed', 1);
  await ask('does-not', 'a');
  const counters = Object.entries(await proxy.stats()).filter(([name]) => COUNTERS.test(name));
  const { configs } = JSON.parse((await proxy.get('/config_dump')).body) as { configs: Record<string, Json[]>[] };
  const clusters = configs.flatMap(({ dynamic_active_clusters: list = [] }) => list);
  return {
    seen: seen.sort(),
    counters: Object.fromEntries(counters.filter(([name]) => !/success|rejected/.test(name))),
    clusters: clusters
      .filter(({ cluster }) => cluster)
      .map(({ version_info, cluster }) => [version_info, (cluster as Json).name]),
  };
}

for (const from of ['delta ads', 'delta grpc'] as const) {
  test(`${from}: clusters are asked for, waited for and missed as by Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([talk(t, 'envoy', from), talk(t, 'fairlead', from)]);
    assert.ok(ours.seen.includes('waits / a: 200 up') && ours.seen.includes('hurries / late: 503 '));
    assert.deepEqual(ours, envoy);
  });
}
