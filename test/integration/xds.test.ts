/** Configuration that changes while the proxy serves: nobody's request fails for it, whatever becomes of the management server. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  connectionManager,
  httpListener,
  type Json,
  loadAssignment,
  routeConfig,
  routeTo,
  staticCluster,
} from '#testing/bootstrap.ts';
import { dynamicBootstrap, edsCluster, rdsListener, routeTable, says } from '#testing/dynamic-resources.ts';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import { ManagementServer } from '#testing/management-server.ts';
import { startLoad } from '#testing/request-load.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { type WireClient, type WireResponse, wireClient } from '#testing/wire-client.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a.test\r\n\r\n';

interface Mesh {
  server: ManagementServer;
  proxy: RunningProxy;
}

/** A proxy with the listener `in`, whose routes are the table `r`, over ADS. */
async function mesh(t: TestContext, clusters: Json[], routes: Json[], options: ProxyOptions = {}): Promise<Mesh> {
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', clusters);
  server.serve('listener', '1', [rdsListener('in', 'r', 'ads')]);
  server.serve('route', '1', [routeTable('r', routes)]);
  const proxy = await startProxy(t, dynamicBootstrap(server, 'ads'), options);
  return { server, proxy };
}

async function said(proxy: RunningProxy, listener = 'in'): Promise<string> {
  const wire = await proxy.connect(listener);
  await wire.send(GET.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
  return (await wire.response()).body.toString();
}

async function ask(wire: WireClient): Promise<WireResponse> {
  await wire.send(GET);
  return await wire.response();
}

function connectionOf({ headers }: WireResponse): string | undefined {
  return headers.find(([name]) => name === 'connection')?.[1];
}

async function becomes(proxy: RunningProxy, counter: string, value: number): Promise<void> {
  await proxy.statBecomes(counter, (now) => now >= value);
}

test('the management server goes and comes back with older versions: the proxy serves on, and takes what it says', async (t) => {
  const { server, proxy } = await mesh(t, [], [says('first')]);
  const { port } = server;
  await server.close();
  await proxy.statBecomes('control_plane.connected_state', 0);
  assert.equal(await said(proxy), 'first');
  server.requests.length = 0;
  await server.listen(port);
  const request = await server.requestWhere('the proxy asks again', ({ type }) => type.endsWith('RouteConfiguration'));
  assert.deepEqual([request.version, request.nonce, request.names], ['1', '', ['r']]);
  server.serve('route', '0', [routeTable('r', [says('older')])]);
  await becomes(proxy, 'http.in.rds.r.config_reload', 2);
  assert.equal(await said(proxy), 'older');
  assert.equal(await proxy.stat('control_plane.connected_state'), 1);
});

test('after a break a delta client says what it has, and is told only what is other', async (t) => {
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', [staticCluster('a', [1]), staticCluster('b', [1])]);
  server.serve('listener', '1', []);
  const proxy = await startProxy(t, dynamicBootstrap(server, 'delta ads'));
  server.breakStreams();
  server.requests.length = 0;
  const request = await server.requestWhere('the proxy asks again', ({ type }) => type.endsWith('.Cluster'));
  assert.deepEqual(request.initial, { a: '1', b: '1' });
  server.serve('cluster', '2', [staticCluster('b', [2])]);
  await proxy.statBecomes('cluster_manager.active_clusters', 2);
  const counters = await proxy.stats('cluster_manager.cluster_');
  assert.equal(counters['cluster_manager.cluster_removed'], 1);
  assert.equal(counters['cluster_manager.cluster_modified'], 1);
});

/** Waits until some more requests have been answered. */
async function servesOn(load: { readonly completed: number }): Promise<void> {
  const before = load.completed;
  await eventually('requests are answered', () => load.completed >= before + 3);
}

for (const concurrency of [1, 2]) {
  test(`${concurrency} workers: clusters are made before they are broken, under load`, async (t) => {
    const upstreams = [await startUpstream(t, answer('a')), await startUpstream(t, answer('b'))];
    const clusters = (timeout: number) => [edsCluster('c', 'ads', { connect_timeout: `${timeout}s` })];
    const server = await ManagementServer.start(t);
    server.serve('cluster', '0', clusters(1));
    server.serve('endpoint', '0', [loadAssignment('c', [upstreams[0].port])]);
    server.serve('listener', '0', [rdsListener('in', 'r', 'ads')]);
    server.serve('route', '0', [routeTable('r', [routeTo('/', 'c')])]);
    const proxy = await startProxy(t, dynamicBootstrap(server, 'ads'), { concurrency });
    const load = startLoad(t, { port: await proxy.listenerPort('in') });
    for (let version = 1; version <= 10; version++) {
      server.serve('cluster', `${version}`, clusters(1 + version));
      server.serve('endpoint', `${version}`, [loadAssignment('c', [upstreams[version % 2].port])]);
      await becomes(proxy, 'cluster_manager.cluster_modified', version);
      await servesOn(load);
    }
    await proxy.statBecomes('cluster_manager.warming_clusters', 0);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });

  test(`${concurrency} workers: listeners are replaced, and changed in place, under load`, async (t) => {
    const { server, proxy } = await mesh(t, [], [says('hello')], { concurrency, args: ['--drain-time-s', '1'] });
    const port = await proxy.listenerPort('in');
    const load = startLoad(t, { port });
    const chain = (name: string, prefix: string) => ({
      name,
      filter_chain_match: { source_prefix_ranges: [{ address_prefix: prefix, prefix_len: 32 }] },
      filters: [connectionManager(routeConfig([says(name)]))],
    });
    for (let version = 2; version <= 11; version++) {
      const more = [chain(`chain-${version}`, `192.0.2.${version}`)];
      const { filter_chains: chains, ...listener } = rdsListener('in', 'r', 'ads') as { filter_chains: Json[] };
      const replaced = version % 3 === 0 ? { listener_filters_timeout: `${version}s` } : {};
      server.serve('listener', `${version}`, [{ ...listener, ...replaced, filter_chains: [...chains, ...more] }]);
      await becomes(proxy, 'listener_manager.listener_create_success', version * concurrency);
      await servesOn(load);
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
    const counters = await proxy.stats('listener_manager');
    assert.equal(counters['listener_manager.listener_modified'], 10);
    assert.equal(counters['listener_manager.listener_in_place_updated'], 4);
    assert.equal(await proxy.listenerPort('in'), port);
    await proxy.statBecomes('listener_manager.total_listeners_draining', 0);
    await proxy.statBecomes('listener_manager.total_filter_chains_draining', 0);
  });
}

test('a change of filter chains drains those that go, and leaves connections of the others alone', async (t) => {
  const port = await freePort();
  const chain = (name: string, address: string) => ({
    name,
    filter_chain_match: { prefix_ranges: [{ address_prefix: address, prefix_len: 32 }] },
    filters: [connectionManager({ stat_prefix: name, ...routeConfig([says(name)]) })],
  });
  const listener = (...chains: Json[]) => ({
    name: 'in',
    address: httpListener({ port }).address,
    filter_chains: chains,
  });
  const anywhere = (made: Json) => ({ ...made, address: { socket_address: { address: '0.0.0.0', port_value: port } } });
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', []);
  server.serve('listener', '1', [anywhere(listener(chain('stays', '127.0.0.1'), chain('goes', '127.0.0.2')))]);
  const args = ['--drain-time-s', '2', '--drain-strategy', 'immediate'];
  const proxy = await startProxy(t, dynamicBootstrap(server, 'ads'), { args });
  const [stays, goes, idle] = [
    await proxy.connect('in'),
    await proxy.connect('in', { host: '127.0.0.2' }),
    await proxy.connect('in', { host: '127.0.0.2' }),
  ];
  for (const wire of [stays, goes]) await ask(wire);
  server.serve('listener', '2', [anywhere(listener(chain('stays', '127.0.0.1'), chain('new', '127.0.0.2')))]);
  await becomes(proxy, 'listener_manager.listener_in_place_updated', 1);
  assert.equal(connectionOf(await ask(stays)), undefined);
  assert.equal(connectionOf(await ask(goes)), 'close');
  const fresh = await proxy.connect('in', { host: '127.0.0.2' });
  assert.equal((await ask(fresh)).body.toString(), 'new');
  // At the end of the drain time even one that asks nothing is closed.
  await idle.closed();
  assert.equal((await ask(stays)).body.toString(), 'stays');
});

test('a listener that is removed accepts no more, and its connections drain', async (t) => {
  const { server, proxy } = await mesh(t, [], [says('hello')], { args: ['--drain-strategy', 'immediate'] });
  const port = await proxy.listenerPort('in');
  const wire = await proxy.connect('in');
  await ask(wire);
  server.serve('listener', '2', []);
  await becomes(proxy, 'listener_manager.listener_removed', 1);
  await assert.rejects(wireClient(port), /ECONNREFUSED/);
  assert.equal(connectionOf(await ask(wire)), 'close');
  assert.equal(await proxy.stat('listener_manager.total_listeners_draining'), 1);
});

test('a cluster and a listener wait for what they name; those before them serve on until the wait is over', async (t) => {
  const { server, proxy } = await mesh(t, [staticCluster('c', [1])], [says('hello')]);
  const slow = edsCluster('c', 'ads');
  (slow.eds_cluster_config as Json).eds_config = { ads: {}, initial_fetch_timeout: '1s' };
  server.serve('cluster', '2', [slow]);
  const waiting = rdsListener('in', 'absent', 'ads');
  server.serve('listener', '2', [waiting]);
  await proxy.statBecomes('cluster_manager.warming_clusters', 1);
  await proxy.statBecomes('listener_manager.total_listeners_warming', 1);
  assert.equal(await said(proxy), 'hello');
  const { configs } = JSON.parse((await proxy.get('/config_dump')).body) as { configs: Json[] };
  assert.equal((configs[1].dynamic_warming_clusters as Json[]).length, 1);
  assert.deepEqual(Object.keys((configs[2].dynamic_listeners as Json[])[0]), ['name', 'active_state', 'warming_state']);
  await proxy.statBecomes('cluster_manager.warming_clusters', 0);
  assert.equal(await proxy.stat('cluster.c.init_fetch_timeout'), 1);
  server.serve('route', '2', [routeTable('r', [says('hello')]), routeTable('absent', [says('now')])]);
  await proxy.statBecomes('listener_manager.total_listeners_warming', 0);
  assert.equal(await said(proxy), 'now');
});

test('a port that is taken is told to the management server, and to the admin API', async (t) => {
  const taken = await startUpstream(t, answer('taken'));
  const { server, proxy } = await mesh(t, [], [says('hello')]);
  server.serve('listener', '2', [
    rdsListener('in', 'r', 'ads'),
    httpListener({ name: 'other', port: taken.port, manager: routeConfig([says('x')]) }),
  ]);
  const { error } = await server.requestWhere('the update is refused', ({ error }) => error !== '');
  assert.match(error, /other: .*Address already in use/);
  assert.equal(await said(proxy), 'hello');
  assert.match(
    (await proxy.get('/config_dump')).body,
    /"error_state".*\n.*"last_update_attempt"|Address already in use/,
  );
});

test('the node is said once a stream, metadata goes with it, and a second service is tried where the first is not there', async (t) => {
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', []);
  server.serve('listener', '1', []);
  const bootstrap = dynamicBootstrap(server, 'ads', {
    ads: {
      set_node_on_first_message_only: true,
      grpc_services: ['nobody', 'xds'].map((cluster_name) => ({
        envoy_grpc: { cluster_name },
        initial_metadata: [{ key: 'X-Token', value: 'abc' }],
      })),
    },
  });
  const { clusters } = bootstrap.static_resources as { clusters: Json[] };
  clusters.push({ ...clusters[0], name: 'nobody', load_assignment: loadAssignment('nobody', [await freePort()]) });
  await startProxy(t, bootstrap);
  assert.deepEqual(
    server.requests.map(({ hasNode }) => hasNode),
    server.requests.map((_, i) => i === 0),
  );
  assert.equal(server.requests[0].metadata['x-token'], 'abc');
});

test('of many members that leave at once every idle connection closes, and the admin API shows who stays', async (t) => {
  const upstream = await startUpstream(t, answer(), { host: '0.0.0.0' });
  const members = (count: number): Json => ({
    cluster_name: 'c',
    endpoints: [
      {
        lb_endpoints: Array.from({ length: count }, (_, i) => ({
          endpoint: { address: { socket_address: { address: `127.0.1.${i + 1}`, port_value: upstream.port } } },
        })),
      },
    ],
  });
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', [edsCluster('c', 'ads')]);
  server.serve('endpoint', '1', [members(150)]);
  server.serve('listener', '1', [rdsListener('in', 'r', 'ads')]);
  server.serve('route', '1', [routeTable('r', [routeTo('/', 'c')])]);
  const proxy = await startProxy(t, dynamicBootstrap(server, 'ads'));
  const wire = await proxy.connect('in');
  for (let i = 0; i < 150; i++) assert.equal((await ask(wire)).status, 200);
  assert.equal(upstream.open, 150);
  server.serve('endpoint', '2', [members(1)]);
  await becomes(proxy, 'cluster.c.update_success', 2);
  assert.equal(await proxy.stat('cluster.c.membership_total'), 1);
  await eventually('the others are left', () => upstream.open === 1);
  await proxy.statBecomes('cluster.c.upstream_cx_active', 1);
  const totals = async () => {
    const { body } = await proxy.admin.get('/clusters');
    return [...body.matchAll(/^c::.*::rq_total::(.*)$/gm)].map(([, total]) => total);
  };
  assert.deepEqual(await totals(), ['1']);
  server.serve('endpoint', '3', [members(150)]);
  await becomes(proxy, 'cluster.c.update_success', 3);
  assert.deepEqual(await totals(), ['1', ...Array.from({ length: 149 }, () => '0')]);
  assert.equal((await ask(wire)).status, 200);
});
