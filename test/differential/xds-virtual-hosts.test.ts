/** VHDS: virtual hosts that our proxy and real Envoy ask for when a request needs them: what they ask, answer, refuse, show and count. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { XdsEvent } from '#control/xds/events.ts';
import { parseResources } from '#control/xds/parse-resources.ts';
import { SnapshotCache } from '#control/xds/snapshot-cache.ts';
import { startXdsServer } from '#control/xds/xds-server.ts';
import { bootstrap, httpListener, type Json, routerFilter, typed, virtualHost } from '#testing/bootstrap.ts';
import { configSource, dynamicBootstrap, rdsListener, says } from '#testing/dynamic-resources.ts';
import { eventually } from '#testing/eventually.ts';
import { anyOf, ManagementServer, type SeenRequest, TYPES } from '#testing/management-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';

const TYPE_URL = `type.googleapis.com/${TYPES.virtualHost}`;
const OWN_TIMES = /"last_update[a-z_]*": ?"[^"]*"/g;
const COUNTERS = /vhds\.r\.(config_reload|update_(success|rejected))$|no_route$|downstream_rq_total$/;
const ADS = configSource('delta ads');

function onDemand(more: Json = {}): Json {
  const typed_config = typed('extensions.filters.http.on_demand.v3.OnDemand', more);
  return { name: 'envoy.filters.http.on_demand', typed_config };
}

/** A listener whose table is fetched; its requests wait for virtual hosts, or do not. */
function listener(name: string, waits: boolean): Json {
  const http_filters = [...(waits ? [onDemand()] : []), routerFilter()];
  const rds = { route_config_name: 'r', config_source: ADS };
  return httpListener({ name, manager: { stat_prefix: name, route_config: undefined, rds, http_filters } });
}

function table(hosts: Json[], vhds: Json | undefined = { config_source: ADS }): Json {
  return { name: 'r', virtual_hosts: hosts, ...(vhds && { vhds }) };
}

function host(name: string, domain: string, text: string): Json {
  return virtualHost(name, [domain], [says(text)]);
}

class Conversation {
  readonly kind: ProxyKind;
  readonly server: ManagementServer;
  readonly seen: string[] = [];
  proxy!: RunningProxy;

  constructor(kind: ProxyKind, server: ManagementServer) {
    this.kind = kind;
    this.server = server;
  }

  /** Sends what is there of virtual hosts. @param resources trees, or the aliases of what nobody has */
  push(resources: (Json | string)[], removed: string[] = []): void {
    const list = resources.map((one) =>
      typeof one === 'string'
        ? { name: one, version: '1', aliases: [one] }
        : { name: one.name, version: '1', resource: anyOf(TYPES.virtualHost, one) },
    );
    const response = { typeUrl: TYPE_URL, systemVersionInfo: String(this.seen.length), resources: list as never };
    this.server.pushDelta({ ...response, removedResources: removed });
  }

  async request(what: string, matches: (request: SeenRequest) => boolean): Promise<SeenRequest> {
    const isOurs = (request: SeenRequest) => request.type === TYPES.virtualHost && matches(request);
    return await this.server.requestWhere(what, isOurs);
  }

  /** Waits until a virtual host is asked for. */
  async asked(alias: string): Promise<void> {
    const { names } = await this.request(`${alias} is asked for`, (request) => request.names.includes(alias));
    this.seen.push(`asks for ${names}`);
  }

  async answer(to: string, name: string, body = ''): Promise<void> {
    const wire = await this.proxy.connect(to);
    const head = `${body === '' ? 'GET' : 'POST'} / HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n`;
    await wire.send(`${head}${body && `content-length: ${body.length}\r\n`}\r\n${body}`);
    const { status, body: said } = await wire.response(body === '' ? 'GET' : 'POST');
    this.seen.push(`${to} ${name}: ${status} ${said}`);
  }

  async reloads(count: number): Promise<void> {
    await this.proxy.statBecomes('http.waits.rds.vhds.r.config_reload', count);
  }
}

async function talk(t: TestContext, kind: ProxyKind) {
  const server = await ManagementServer.start(t);
  const talks = new Conversation(kind, server);
  server.serve('cluster', '1', []);
  server.serve('listener', '1', [listener('waits', true), listener('does-not', false)]);
  server.serve('route', '1', [table([host('inline', 'inline.test', 'inline')])]);
  const starts = startProxy(t, dynamicBootstrap(server, 'delta ads'), { kind });
  await talks.request('the first', () => true);
  talks.push([host('r/first', 'first.test', 'first')]);
  talks.proxy = await starts;
  for (const name of ['inline.test', 'first.test', 'a.test']) await talks.answer('does-not', name);

  const waiting = [talks.answer('waits', 'A.test'), talks.answer('waits', 'a.test')];
  await talks.asked('r/a.test');
  talks.push([host('r/a.test', 'a.test', 'a')]);
  await Promise.all(waiting);
  const nobody = talks.answer('waits', 'nobody.test:80');
  await talks.asked('r/nobody.test:80');
  talks.push(['r/nobody.test:80']);
  await nobody;
  // It is known by now.
  await talks.answer('waits', 'nobody.test:80');
  const posted = talks.answer('waits', 'post.test', 'hello');
  await talks.asked('r/post.test');
  talks.push([host('r/post.test', 'post.test', 'posted')]);
  await posted;

  const refused = talks.answer('waits', 'bad.test');
  await talks.asked('r/bad.test');
  talks.push([host('r/bad.test', 'a.test', 'bad'), host('r/good.test', 'good.test', 'good')]);
  const { error } = await talks.request('the update is refused', (request) => request.error !== '');
  talks.seen.push(error.replace(/^r\/bad.test: /, '').replace(/ at [a-z_.[\]0-9]+$/, ''));
  await talks.answer('does-not', 'good.test');
  talks.push([host('r/bad.test', 'bad.test', 'good after all')]);
  await refused;
  await talks.reloads(5);
  talks.push([host('r/a.test', 'a.test', 'changed')]);
  await talks.reloads(6);
  await talks.answer('does-not', 'a.test');
  talks.push([], ['r/a.test']);
  await talks.reloads(7);
  await talks.answer('waits', 'a.test');

  server.serve('route', '2', [table([host('inline', 'inline.test', 'second')])]);
  await talks.proxy.statBecomes('http.waits.rds.r.update_success', 2);
  await talks.answer('does-not', 'inline.test');
  await talks.answer('does-not', 'post.test');
  const body = (await talks.proxy.get('/config_dump')).body.replaceAll(OWN_TIMES, '"time":""');
  const { configs } = JSON.parse(body) as { configs: { '@type': string }[] };
  const counters = Object.entries(await talks.proxy.stats()).filter(([name]) => COUNTERS.test(name));
  server.requests.splice(0);
  server.breakStreams();
  const { names, initial } = await talks.request('all is asked for again', () => true);
  return {
    seen: talks.seen,
    routes: configs.find((config) => config['@type'].endsWith('.RoutesConfigDump')),
    counters: Object.fromEntries(counters.filter(([name]) => !name.includes('admin'))),
    again: { names: names.sort(), initial: Object.fromEntries(Object.entries(initial).sort()) },
  };
}

test('virtual hosts are asked for, waited for, changed, refused and removed as by Envoy', async (t) => {
  const [envoy, ours] = await Promise.all([talk(t, 'envoy'), talk(t, 'fairlead')]);
  assert.ok(ours.seen.includes('waits A.test: 200 a'));
  assert.ok(ours.seen.includes('waits post.test: 200 posted'));
  assert.deepEqual(ours, envoy);
});

async function inListener(t: TestContext, kind: ProxyKind) {
  const server = await ManagementServer.start(t);
  const talks = new Conversation(kind, server);
  const manager = { stat_prefix: 'waits', route_config: table([host('inline', 'inline.test', 'inline')]) };
  const {
    dynamic_resources,
    static_resources: fixed,
    node,
  } = dynamicBootstrap(server, 'delta ads') as Record<string, Json>;
  const config = bootstrap([
    httpListener({ name: 'waits', manager: { ...manager, http_filters: [onDemand(), routerFilter()] } }),
  ]);
  const { ads_config } = dynamic_resources;
  const clusters = [...((config.static_resources as Json).clusters as Json[]), ...(fixed.clusters as Json[])];
  const static_resources = { ...(config.static_resources as Json), clusters };
  const starts = startProxy(t, { ...config, node, dynamic_resources: { ads_config }, static_resources }, { kind });
  await talks.request('the first', () => true);
  talks.push([host('r/first', 'first.test', 'first')]);
  talks.proxy = await starts;
  const waits = talks.answer('waits', 'a.test');
  await talks.asked('r/a.test');
  talks.push([host('r/a.test', 'a.test', 'a')]);
  await waits;
  for (const name of ['inline.test', 'first.test', 'a.test']) await talks.answer('waits', name);
  const body = (await talks.proxy.get('/config_dump')).body.replaceAll(OWN_TIMES, '"time":""');
  const { configs } = JSON.parse(body) as { configs: { '@type': string }[] };
  return {
    seen: talks.seen,
    routes: configs.find((config) => config['@type'].endsWith('.RoutesConfigDump')),
    reloads: await talks.proxy.stat('vhds.r.config_reload'),
  };
}

test('a table that stands in its listener has virtual hosts fetched, too', async (t) => {
  const [envoy, ours] = await Promise.all([inListener(t, 'envoy'), inListener(t, 'fairlead')]);
  assert.ok(ours.seen.includes('waits a.test: 200 a'));
  assert.deepEqual(ours, envoy);
});

/** Our own management server, and what it has of virtual hosts. */
async function served(t: TestContext, kind: ProxyKind, transport: 'delta ads' | 'delta grpc') {
  const cache = new SnapshotCache();
  const events: XdsEvent[] = [];
  const server = await startXdsServer({ cache, host: '127.0.0.1', port: 0, onEvent: (event) => events.push(event) });
  t.after(() => server.close());
  const source = configSource(transport);
  const publish = (hosts: Json[]) => {
    const listeners = [rdsListener('waits', 'r', transport)];
    const [chain] = listeners[0].filter_chains as { filters: { typed_config: Json }[] }[];
    chain.filters[0].typed_config.http_filters = [onDemand(), routerFilter()];
    const routes = [table([], { config_source: source })];
    cache.set('', parseResources(JSON.stringify({ clusters: [], listeners, routes, virtual_hosts: hosts }), 'r.json'));
  };
  publish([host('r/a', 'a.test', 'a'), host('r/any', '*.any.test', 'any')]);
  const begun = performance.now();
  const ports = { port: server.port, restPort: server.port };
  const proxy = await startProxy(t, dynamicBootstrap(ports, transport), { kind, concurrency: 2 });
  assert.ok(performance.now() - begun < 10_000, 'no listener waits for the end of its fetch timeout');
  const answers = async (name: string) => {
    const wire = await proxy.connect('waits');
    await wire.send(`GET / HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n\r\n`);
    const { status, body } = await wire.response();
    return `${name}: ${status} ${body}`;
  };
  const seen: string[] = [];
  const names = ['a.test', 'x.any.test', 'none.test'];
  for (const name of names) seen.push(await answers(name));
  publish([host('r/a', 'a.test', 'changed'), host('r/none.test', 'none.test', 'some')]);
  await eventually('the change is there', async () => (await answers('none.test')).endsWith('some'));
  await eventually('the removal is there', async () => (await answers('x.any.test')).includes('404'));
  for (const name of names) seen.push(await answers(name));
  assert.ok(!events.some(({ kind: what }) => what === 'nack'), JSON.stringify(events));
  return seen;
}

for (const transport of ['delta ads', 'delta grpc'] as const) {
  test(`${transport}: our management server has virtual hosts for ours and for Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([served(t, 'envoy', transport), served(t, 'fairlead', transport)]);
    const first = ['a.test: 200 a', 'x.any.test: 200 any', 'none.test: 404 '];
    assert.deepEqual(ours, [...first, 'a.test: 200 changed', 'x.any.test: 404 ', 'none.test: 200 some']);
    assert.deepEqual(ours, envoy);
  });
}
