/** ECDS: filters of all kinds whose configuration our proxy and real Envoy fetch: without it, with the default, with what comes, and what is refused. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpListener, type Json, routeConfig, routerFilter, socketAddress, typed } from '#testing/bootstrap.ts';
import { configSource, dynamicBootstrap, says, type Transport } from '#testing/dynamic-resources.ts';
import { eventually } from '#testing/eventually.ts';
import { ManagementServer } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';

const OWN_TIMES = /"last_update[a-z_]*": ?"[^"]*"/g;
const WEB = 'extensions.filters.http.grpc_web.v3.GrpcWeb';
const STATS = 'extensions.filters.http.grpc_stats.v3.FilterConfig';

function fetchedFilter(name: string, transport: Transport, more: Json = {}): Json {
  return {
    name,
    config_discovery: {
      config_source: configSource(transport, { initial_fetch_timeout: '0.5s' }),
      type_urls: [`type.googleapis.com/envoy.${WEB}`, `type.googleapis.com/envoy.${STATS}`],
      ...more,
    },
  };
}

function listener(name: string, filter: Json): Json {
  const manager = { stat_prefix: name, ...routeConfig([says('hello')]), http_filters: [filter, routerFilter()] };
  return httpListener({ name, manager });
}

/** Upgrades to WebSocket have filters of their own. */
function upgrading(name: string, filters: Json[]): Json {
  const upgrades = [{ upgrade_type: 'websocket', filters }];
  return httpListener({
    name,
    manager: { stat_prefix: name, ...routeConfig([says('hello')]), upgrade_configs: upgrades },
  });
}

async function upgrade(proxy: RunningProxy): Promise<string> {
  const wire = await proxy.connect('upgrade');
  await wire.send('GET / HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  return `upgrade: ${(await wire.response()).status}`;
}

/** The status of a request that a gRPC web filter would change. */
async function status(proxy: RunningProxy, name: string): Promise<string> {
  const wire = await proxy.connect(name);
  await wire.send(
    'POST / HTTP/1.1\r\nhost: a.test\r\ncontent-type: application/grpc-web\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  );
  const response = await wire.response('POST');
  return `${name}: ${response.status} ${response.headers.find(([header]) => header === 'grpc-status')?.[1]}`;
}

// Envoy names the types that it expects in no certain order: they are left out of the comparison.
async function observe(t: TestContext, kind: ProxyKind, transport: Transport) {
  const server = await ManagementServer.start(t);
  server.serve('cluster', '1', []);
  server.serve('extension', '1', [{ name: 'there', typed_config: typed(WEB) }]);
  server.serve('listener', '1', [
    listener('absent', fetchedFilter('absent', transport)),
    listener('default', fetchedFilter('absent-too', transport, { default_config: typed(STATS) })),
    listener('there', fetchedFilter('there', transport)),
    upgrading('upgrade', [fetchedFilter('upgrades', transport), routerFilter()]),
  ]);
  const proxy = await startProxy(t, dynamicBootstrap(server, transport), { kind });
  const all = async () => [
    await status(proxy, 'absent'),
    await status(proxy, 'default'),
    await status(proxy, 'there'),
    await status(proxy, 'upgrade'),
    await upgrade(proxy),
  ];
  const seen = [await all()];
  const names = ['absent', 'absent-too', 'upgrades', 'there'];
  server.serve(
    'extension',
    '2',
    names.map((name) => ({ name, typed_config: typed(STATS) })),
  );
  for (const name of names)
    await proxy.statBecomes(`extension_config_discovery.http_filter.${name}.config_reload`, (count) => count >= 1);
  await proxy.statBecomes('extension_config_discovery.http_filter.there.config_reload', 2);
  seen.push(await all());
  const buffer = typed('extensions.filters.http.buffer.v3.Buffer', { max_request_bytes: 1 });
  const others = ['absent', 'absent-too', 'upgrades'].map((name) => ({ name, typed_config: typed(STATS) }));
  server.serve('extension', '3', [...others, { name: 'there', typed_config: buffer }]);
  const { error } = await server.requestWhere('the update is refused', (request) => request.error !== '');
  seen.push(await all());
  const body = (await proxy.get('/config_dump')).body.replaceAll(OWN_TIMES, '"time":""');
  const { configs } = JSON.parse(body) as { configs: { '@type': string; ecds_filters?: Json[] }[] };
  const filters = configs.flatMap(({ ecds_filters = [] }) => ecds_filters).map(withoutError);
  return {
    seen,
    error: error.replace(/ but expect .*$/, ''),
    filters: filters.map((one) => JSON.stringify(one)).sort(),
  };
}

function withoutError({ error_state: _, ...rest }: Json): Json {
  return { time: rest.time, version_info: rest.version_info, ecds_filter: rest.ecds_filter };
}

for (const transport of ['ads', 'delta ads'] as const) {
  test(`${transport}: filters are fetched, changed and refused as by Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([observe(t, 'envoy', transport), observe(t, 'fairlead', transport)]);
    assert.deepEqual(
      ours.seen[0].map((one) => one.split(' ')[1]),
      ['500', '200', '200', '200', '500'],
    );
    assert.deepEqual(ours, envoy);
  });
}

const RBAC = 'extensions.filters.network.rbac.v3.RBAC';
const LIMIT = 'extensions.filters.network.connection_limit.v3.ConnectionLimit';
const PROXY = 'extensions.filters.listener.proxy_protocol.v3.ProxyProtocol';
const INSPECTOR = 'extensions.filters.listener.tls_inspector.v3.TlsInspector';
const HEADER = 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n';
const ECDS_COUNTERS =
  /extension_config_discovery\.(network|tcp_listener)_filter\..*(config_(reload|fail)|update_rejected)$|\.(network_)?extension_config_missing$|downstream_cx_total$/;

function rbac(action: 'ALLOW' | 'DENY'): Json {
  const policies = { p: { permissions: [{ any: true }], principals: [{ any: true }] } };
  return typed(RBAC, { stat_prefix: 'x', rules: { action, policies } });
}

/** Listeners that echo what they get, behind fetched filters of the chain or of the listener. */
async function connections(t: TestContext, kind: ProxyKind, transport: Transport) {
  const server = await ManagementServer.start(t);
  const fetched = (name: string, types: string[], more: Json = {}) => ({
    name,
    config_discovery: {
      config_source: configSource(transport, { initial_fetch_timeout: '0.5s' }),
      type_urls: types.map((type) => `type.googleapis.com/envoy.${type}`),
      ...more,
    },
  });
  const echo = { name: 'echo', typed_config: typed('extensions.filters.network.echo.v3.Echo') };
  const listening = (name: string, filters: Json[], listener_filters: Json[] = []) => ({
    name,
    stat_prefix: name,
    address: socketAddress(0),
    listener_filters,
    filter_chains: [{ filters: [...filters, echo] }],
  });
  const of = (name: string, more?: Json) => listening(name, [fetched(name, [RBAC, LIMIT], more)]);
  const before = (name: string, more?: Json) => listening(name, [], [fetched(name, [PROXY, INSPECTOR], more)]);
  const listeners = [
    of('there'),
    of('absent'),
    of('default', { default_config: rbac('DENY') }),
    of('at-once', { default_config: rbac('ALLOW'), apply_default_config_without_warming: true }),
    before('l-there'),
    before('l-absent'),
    before('l-default', { default_config: typed(PROXY) }),
  ];
  server.serve('cluster', '1', []);
  server.serve('extension', '1', [
    { name: 'there', typed_config: rbac('ALLOW') },
    { name: 'l-there', typed_config: typed(PROXY) },
  ]);
  server.serve('listener', '1', listeners);
  const proxy = await startProxy(t, dynamicBootstrap(server, transport), { kind });
  const echoed = async (name: string, bytes: string) => {
    const wire = await proxy.connect(name);
    await wire.send(bytes);
    let gone = false;
    wire.closed().then(
      () => {
        gone = true;
      },
      () => {},
    );
    await eventually('an answer', async () => gone || wire.rest.endsWith('hello'));
    wire.destroy();
    return `${name}: ${wire.rest}`;
  };
  const all = async () => {
    const seen: string[] = [];
    for (const { name } of listeners) seen.push(await echoed(name, name.startsWith('l-') ? `${HEADER}hello` : 'hello'));
    return seen;
  };
  const seen = [await all()];
  const next = listeners.map(({ name }) => ({
    name,
    typed_config: name.startsWith('l-') ? typed(INSPECTOR) : rbac(name === 'there' ? 'DENY' : 'ALLOW'),
  }));
  server.serve('extension', '2', next);
  const prefix = (name: string) => (name.startsWith('l-') ? 'tcp_listener_filter' : 'network_filter');
  for (const { name } of listeners) {
    const reloads = name.endsWith('there') ? 2 : 1;
    await proxy.statBecomes(`extension_config_discovery.${prefix(name)}.${name}.config_reload`, reloads);
  }
  seen.push(await all());
  const wrong = { name: 'there', typed_config: typed('extensions.filters.network.sni_cluster.v3.SniCluster') };
  server.serve('extension', '3', [wrong, ...next.slice(1)]);
  await server.requestWhere('the update is refused', (request) => request.error !== '');
  seen.push(await all());
  const body = (await proxy.get('/config_dump')).body.replaceAll(OWN_TIMES, '"time":""');
  const { configs } = JSON.parse(body) as { configs: { ecds_filters?: Json[] }[] };
  const dumps = configs.flatMap(({ ecds_filters: list = [] }) => list);
  const counters = Object.entries(await proxy.stats()).filter(([name]) => ECDS_COUNTERS.test(name));
  return {
    seen,
    sections: configs.filter(({ ecds_filters: list }) => list !== undefined).map((one) => one.ecds_filters?.length),
    filters: dumps.map((one) => JSON.stringify(withoutError(one))).sort(),
    counters: Object.fromEntries(counters.filter(([name]) => !/admin|worker|rejected|fail/.test(name))),
  };
}

for (const transport of ['ads', 'delta ads'] as const) {
  test(`${transport}: filters of chains and of listeners are fetched as by Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([
      connections(t, 'envoy', transport),
      connections(t, 'fairlead', transport),
    ]);
    assert.deepEqual(ours.seen[0].slice(0, 3), ['there: hello', 'absent: ', 'default: ']);
    assert.deepEqual(ours, envoy);
  });
}
