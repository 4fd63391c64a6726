/**
 * What the bootstrap says besides listeners and clusters: ours and real Envoy with the same file say the same of it in the admin API.
 */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  answering,
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { both } from './attempted.ts';

const LISTENER = httpListener({
  manager: routeConfig([answering('a', { prefix: '/' })]),
  listener: { stat_prefix: 'l' },
});

/** Both proxies with the bootstrap: what is seen of the one must be what is seen of the other. */
async function same(
  t: TestContext,
  more: Json,
  see: (proxy: RunningProxy) => Promise<unknown>,
  args: string[] = [],
  listener: Json = {},
): Promise<unknown> {
  const tree = bootstrap([{ ...LISTENER, ...listener }], [staticCluster('c', [1])], more);
  const seen = [];
  for (const kind of ['envoy', 'fairlead'] as const) seen.push(await see(await startProxy(t, tree, { kind, args })));
  assert.deepEqual(seen[1], seen[0]);
  return seen[0];
}

const json = async (proxy: RunningProxy, path: string) => JSON.parse((await proxy.get(path)).body) as Json;

test('layers of the runtime: static, from a disk, by the admin API', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'v1', 'app', 'deep'), { recursive: true });
  mkdirSync(join(folder, 'v1', 'app', 'us'), { recursive: true });
  writeFileSync(join(folder, 'v1', 'app', 'number'), '# why\n7\n');
  writeFileSync(join(folder, 'v1', 'app', 'deep', 'text'), 'disk');
  symlinkSync(join(folder, 'v1'), join(folder, 'now'));
  const disk = (name: string, more: Json = {}) => ({
    name,
    disk_layer: { symlink_root: join(folder, 'now'), subdirectory: 'app', ...more },
  });
  const layers = [
    {
      name: 'base',
      static_layer: { number: 1, deep: { text: 'static' }, yes: true },
    },
    disk('disk'),
    disk('cluster', { append_service_cluster: true }),
    { name: 'admin', admin_layer: {} },
  ];
  await same(t, { layered_runtime: { layers }, node: { id: 'n', cluster: 'us' } }, async (proxy) => {
    const before = await json(proxy, '/runtime?format=json');
    await proxy.admin.post('/runtime_modify?number=9&new=x');
    return [
      before,
      await json(proxy, '/runtime?format=json'),
      await proxy.stats('^runtime\\.(num|admin|override|load)'),
    ];
  });
});

test('tags, a matcher and buckets of stats', async (t) => {
  const stats_config = {
    stats_tags: [
      { tag_name: 'fixed', fixed_value: 'f' },
      { tag_name: 'fixed', fixed_value: 'g' },
      { tag_name: 'ends in a dot', regex: '^cluster\\.c\\.upstream_cx_([[:alpha:]]+_(local_))' },
      { tag_name: 'dot', regex: '^(filesystem\\.)' },
      { tag_name: 'kind', regex: '^listener\\.l\\.((downstream)_)' },
      { tag_name: 'envoy.cluster_name', regex: '^cluster\\.c\\.((upstream)_)' },
    ],
    stats_matcher: {
      inclusion_list: {
        patterns: [{ prefix: 'cluster.c.upstream_cx' }, { prefix: 'listener.l.downstream' }, { prefix: 'filesystem' }],
      },
    },
    histogram_bucket_settings: [{ match: { suffix: '_length_ms' }, buckets: [10, 1, 100], bins: 7 }],
  };
  const read = (proxy: RunningProxy) => proxy.get('/stats/prometheus').then(({ body }) => body.split('\n').sort());
  await same(t, { stats_config }, read);
  await same(t, { stats_config: { ...stats_config, allow_default_tag_overrides: true } }, read);
});

test('the node, and flags over it', async (t) => {
  const node = { id: 'n', cluster: 'c', metadata: { a: [1] }, locality: { region: 'r', zone: 'z', sub_zone: 's' } };
  const read = async (proxy: RunningProxy) => {
    const { configs } = (await json(proxy, '/config_dump?mask=bootstrap.node')) as { configs: Json[] };
    const dumped = (configs[0].bootstrap as Json).node;
    return [(await json(proxy, '/server_info')).node, dumped].map((told) => {
      const { id, cluster, metadata, locality } = told as Json;
      return { id, cluster, metadata, locality };
    });
  };
  assert.deepEqual(await same(t, { node }, read), [node, node]);
  await same(t, { node }, read, ['--service-node', 'N', '--service-zone', 'Z']);
  await same(t, {}, read, ['--service-cluster', 'C']);
});

test('the version among the stats', async (t) => {
  assert.equal(await same(t, { stats_server_version_override: 77 }, (proxy) => proxy.stat('server.version')), 77);
});

test('the listeners of the config dump, as configured', async (t) => {
  const more = {
    additional_addresses: [{ address: { pipe: { path: `${temporaryFolder(t)}/dump.sock` } } }],
    tcp_backlog_size: 5,
  };
  await same(
    t,
    {},
    async (proxy) =>
      ((await json(proxy, '/config_dump?resource=static_listeners')).configs as Json[]).map(({ listener }) => listener),
    [],
    more,
  );
});

const LIMIT = {
  overload_manager: {
    resource_monitors: [
      {
        name: 'envoy.resource_monitors.global_downstream_max_connections',
        typed_config: typed('extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig', {
          max_active_downstream_connections: 1,
        }),
      },
    ],
  },
};
const KEY = 'overload.global_downstream_max_connections';
const LIMITED_BY_KEY = { layered_runtime: { layers: [{ name: 's', static_layer: { [KEY]: 2 } }] } };
const MONITOR = 'overload.envoy.resource_monitors.global_downstream_max_connections';

/** What becomes of three connections to the listener `l`, then of one to `m`, which has no field of its own, and of one to the admin API. */
async function admitted(proxy: RunningProxy): Promise<unknown> {
  const answered: string[] = [];
  const wires = [];
  for (const listener of ['l', 'm']) await proxy.listenerPort(listener);
  for (const listener of ['l', 'l', 'l', 'm']) {
    const wire = await proxy.connect(listener);
    wires.push(wire);
    const answer = wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n').then(() => wire.response());
    answered.push(
      await answer.then(
        ({ status }) => String(status),
        () => 'closed',
      ),
    );
  }
  const admin = await proxy.get('/ready').then(
    ({ status }) => status,
    () => 'closed',
  );
  for (const wire of wires) wire.destroy();
  // In Envoy a connection that ignores the limit gives back a place that it never took, which counts as a failed update.
  const monitor = answered.includes('closed') ? MONITOR : `${MONITOR}.pressure`;
  const stats = `^listener\\.[lm]\\.downstream_global_cx_overflow$|^${monitor}`;
  let seen: unknown;
  await eventually('the admin API has room again', async () => {
    seen = await proxy.stats(stats).catch(() => undefined);
    return seen !== undefined;
  });
  return [answered, admin, seen];
}

const LIMITS: [what: string, bootstrap: Json, listener: Json, admin: Json][] = [
  ['by the overload manager', LIMIT, {}, {}],
  ['by the overload manager, except at listeners that ignore the limit', LIMIT, { ignore_global_conn_limit: true }, {}],
  ['by the overload manager, except at listeners that bypass it', LIMIT, { bypass_overload_manager: true }, {}],
  ['by the runtime', LIMITED_BY_KEY, {}, {}],
  ['by the runtime, except at the admin API', LIMITED_BY_KEY, {}, { ignore_global_conn_limit: true }],
  ['by the runtime, where some listeners ignore it', LIMITED_BY_KEY, { ignore_global_conn_limit: true }, {}],
  [
    'by both, where some listeners bypass the overload manager',
    { ...LIMIT, ...LIMITED_BY_KEY },
    { bypass_overload_manager: true },
    { ignore_global_conn_limit: true },
  ],
];
for (const [what, more, listener, admin] of LIMITS) {
  test(`no more connections than are allowed ${what}`, async (t) => {
    const address = { socket_address: { address: '127.0.0.1', port_value: 0 } };
    const listeners = [
      { ...LISTENER, name: 'l', stat_prefix: 'l', ...listener },
      { ...LISTENER, name: 'm', stat_prefix: 'm' },
    ];
    const tree = { ...bootstrap(listeners, [], more), admin: { address, ...admin } };
    const [envoy, ours] = await both(t, async (kind) => admitted(await startProxy(t, tree, { kind })));
    assert.deepEqual(ours, envoy);
  });
}
