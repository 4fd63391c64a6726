/** Scoped routes, fetched or in the listener itself: our proxy and real Envoy choose the same table for each request. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bootstrap, httpListener, type Json, routerFilter, typed } from '#testing/bootstrap.ts';
import { configSource, dynamicBootstrap, routeTable, says, type Transport } from '#testing/dynamic-resources.ts';
import { ManagementServer } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';

const OWN_TIMES = /"last_update[a-z_]*": ?"[^"]*"/g;
const REQUESTS = [
  '',
  'x-scope: a',
  'x-scope: k=b,v=1',
  'x-scope: v=2,k=c',
  'x-scope: k',
  'x-scope: k=b;v=1',
  'x-other: k=b',
];

function scope(name: string, key: string, table: Json): Json {
  return { name, key: { fragments: [{ string_key: key }] }, ...table };
}

function scopedListener(more: Json): Json {
  const extractor = { name: 'X-Scope', element_separator: ',', element: { separator: '=', key: 'k' } };
  const scoped_routes = {
    name: 's',
    scope_key_builder: { fragments: [{ header_value_extractor: extractor }] },
    ...more,
  };
  return httpListener({ manager: { route_config: undefined, scoped_routes } });
}

async function answers(proxy: RunningProxy): Promise<string[]> {
  const found: string[] = [];
  for (const header of REQUESTS) {
    const wire = await proxy.connect('in');
    await wire.send(`GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n${header}${header && '\r\n'}\r\n`);
    const { status, body } = await wire.response();
    found.push(`${header}: ${status} ${body}`);
  }
  return found;
}

async function fetched(t: TestContext, kind: ProxyKind, transport: Transport) {
  const server = await ManagementServer.start(t);
  const source = configSource(transport);
  server.serve('cluster', '1', []);
  server.serve('scope', '1', [
    scope('one', 'b', { route_configuration_name: 'first' }),
    scope('two', 'c', { route_configuration_name: 'second' }),
  ]);
  server.serve('route', '1', [routeTable('first', [says('first')]), routeTable('second', [says('second')])]);
  server.serve('listener', '1', [
    scopedListener({ rds_config_source: source, scoped_rds: { scoped_rds_config_source: source } }),
  ]);
  const proxy = await startProxy(t, dynamicBootstrap(server, transport), { kind });
  const seen = [await answers(proxy)];
  server.serve('scope', '2', [scope('one', 'c', { route_configuration_name: 'first' })]);
  await proxy.statBecomes('http.in.scoped_rds.s.all_scopes', 1);
  seen.push(await answers(proxy));
  const twice = ['one', 'other'].map((name) => scope(name, 'c', { route_configuration_name: 'first' }));
  server.serve('scope', '3', twice);
  await proxy.statBecomes('http.in.scoped_rds.s.update_rejected', (count) => count > 0);
  const body = (await proxy.get('/config_dump')).body.replaceAll(OWN_TIMES, '"time":""');
  const { configs } = JSON.parse(body) as { configs: { '@type': string }[] };
  const refused = await server.requestWhere('the update is refused', ({ error }) => error !== '');
  return {
    seen,
    refused: refused.error,
    scopes: configs.find((config) => config['@type'].endsWith('ScopedRoutesConfigDump')),
    routes: configs.find((config) => config['@type'].endsWith('.RoutesConfigDump')),
  };
}

for (const transport of ['ads', 'delta ads'] as const) {
  test(`${transport}: scopes are fetched, changed and refused as by Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([fetched(t, 'envoy', transport), fetched(t, 'fairlead', transport)]);
    assert.match(ours.seen[0].join(), /k=b,v=1: 200 first.*k=c: 200 second/);
    assert.deepEqual(ours, envoy);
  });
}

async function onDemand(t: TestContext, kind: ProxyKind, transport: Transport) {
  const server = await ManagementServer.start(t);
  const source = configSource(transport);
  const waits = { name: 'o', typed_config: typed('extensions.filters.http.on_demand.v3.OnDemand') };
  const scoped_routes = {
    name: 's',
    scope_key_builder: { fragments: [{ header_value_extractor: { name: 'x-scope', index: 0 } }] },
    rds_config_source: source,
    scoped_rds: { scoped_rds_config_source: source },
  };
  const listener = (name: string, filters: Json[]) =>
    httpListener({
      name,
      manager: {
        stat_prefix: name,
        route_config: undefined,
        scoped_routes,
        http_filters: [...filters, routerFilter()],
      },
    });
  const lazy = (name: string, table: string) => scope(name, name, { route_configuration_name: table, on_demand: true });
  const eager = scope('eager', 'eager', { route_configuration_name: 'first' });
  server.serve('cluster', '1', []);
  server.serve('listener', '1', [listener('waits', [waits]), listener('does-not', [])]);
  server.serve('scope', '1', [eager, lazy('one', 'second'), lazy('two', 'second')]);
  server.serve('route', '1', [routeTable('first', [says('first')])]);
  const proxy = await startProxy(t, dynamicBootstrap(server, transport), { kind });
  const answer = async (to: string, name: string) => {
    const wire = await proxy.connect(to);
    await wire.send(`GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-scope: ${name}\r\n\r\n`);
    const { status, body } = await wire.response();
    return `${to} ${name}: ${status} ${body}`;
  };
  const counts = async () => {
    const stats = Object.entries(await proxy.stats('scoped_rds\\.s\\.(all|active|on_demand)_scopes'));
    return stats.map(([name, value]) => `${name}: ${value}`);
  };
  const seen = [await answer('waits', 'eager'), await answer('does-not', 'one'), await answer('waits', 'none')];
  seen.push(...(await counts()));
  const waiting = answer('waits', 'one');
  await server.requestWhere('the table is asked for', ({ names }) => names.includes('second'));
  seen.push(...(await counts()));
  server.serve('route', '2', [routeTable('first', [says('first')]), routeTable('second', [says('second')])]);
  seen.push(await waiting);
  // The other scope has the same table, and nobody asked for it there.
  for (const [to, name] of [
    ['does-not', 'one'],
    ['does-not', 'two'],
    ['waits', 'two'],
    ['does-not', 'two'],
  ])
    seen.push(await answer(to, name));
  server.serve('scope', '2', [eager, lazy('one', 'second'), lazy('two', 'first')]);
  await proxy.statBecomes('http.waits.scoped_rds.s.config_reload', 2);
  seen.push(...(await counts()), await answer('does-not', 'one'), await answer('does-not', 'two'));
  seen.push(await answer('waits', 'two'));
  return seen;
}

for (const transport of ['ads', 'delta ads'] as const) {
  test(`${transport}: the table of a scope is fetched when a request asks for it`, async (t) => {
    const [envoy, ours] = await Promise.all([onDemand(t, 'envoy', transport), onDemand(t, 'fairlead', transport)]);
    assert.ok(ours.includes('waits one: 200 second') && ours.includes('does-not two: 404 '));
    assert.deepEqual(ours, envoy);
  });
}

test('scopes that stand in the listener', async (t) => {
  const scopes = [
    ['one', 'b'],
    ['two', 'c'],
  ].map(([name, key]) => scope(name, key, { route_configuration: routeTable(name, [says(name)]) }));
  const config = bootstrap([
    scopedListener({ scoped_route_configurations_list: { scoped_route_configurations: scopes } }),
  ]);
  const [envoy, ours] = await Promise.all(
    (['envoy', 'fairlead'] as const).map(async (kind) => answers(await startProxy(t, config, { kind }))),
  );
  assert.deepEqual(ours, envoy);
});
