/**
 * What explain says is what the running proxy does: random requests over 200 random configurations, asked of both; of static ones by the
 * bootstrap and by the proxy's dump, of those that came by xDS by its dump.
 * FAIRLEAD_SEED=N tries the configurations of another seed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sourceOf } from '#api/source.ts';
import { loadBootstrap } from '#config/load.ts';
import { DumpConfiguration } from '#explain/dump/dump-configuration.ts';
import { resourcesOfBootstrap } from '#explain/dump/dump-resources.ts';
import { explain } from '#explain/explain.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';
import type { Explanation } from '#explain/explanation.ts';
import { extensionReaders } from '#proxy/extensions.ts';
import {
  bootstrap,
  connectionManager,
  httpListener,
  type Json,
  loadAssignment,
  socketAddress,
  staticCluster,
} from '#testing/bootstrap.ts';
import { configSource, dynamicBootstrap, edsCluster } from '#testing/dynamic-resources.ts';
import { explainedDump } from '#testing/explained-dump.ts';
import { ManagementServer } from '#testing/management-server.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { Asker, expected, type Outcome, startEcho } from './explained-outcome.ts';
import { Random } from './random.ts';
import { randomRequest } from './random-request.ts';
import { RandomRoutes } from './random-routes.ts';

const SEED = Number(process.env.FAIRLEAD_SEED ?? 1);
const STATIC = { configurations: 40, requests: 100 };
const BY_XDS = { configurations: 160, requests: 50 };
const CLUSTERS = ['c0', 'c1', 'c2'];
const RUNTIME = { split: { c0: 0, c1: 5 }, all: 100, none: 0 };
const LAYERS = { layered_runtime: { layers: [{ name: 'static', static_layer: RUNTIME }] } };

test('explain says what the running proxy does, by its bootstrap and by its dump', async (t) => {
  const random = new Random(SEED);
  const upstream = await startEcho(t);
  const given = bootstrap(
    listenersOf(random, STATIC.configurations),
    CLUSTERS.map((name) => staticCluster(name, [upstream])),
    LAYERS,
  );
  const proxy = await startProxy(t, given);
  const listeners = (given.static_resources as { listeners: Json[] }).listeners;
  const ports = await portsOf(proxy, listeners);
  for (const listener of listeners) listener.address = socketAddress(ports.get(listener.name as string) as number);
  const configured = load(given);
  const dumped = await dumpOf(proxy, ports);
  const seen = await compare(random, ports, STATIC.requests, (query) => {
    const told = explain(configured, query);
    assert.deepEqual(byDump(dumped, query), told, `by its dump: ${JSON.stringify(query)}`);
    return told;
  });
  for (const status of [200, 301, 307, 400, 404, 410, 503, 'closed'] as const)
    assert.ok((seen.get(status) ?? 0) > 10, `hardly any of the answers was ${status}: ${JSON.stringify([...seen])}`);
});

test('explain says what the running proxy does with what came by xDS', async (t) => {
  const random = new Random(SEED + 1000);
  const upstream = await startEcho(t);
  const listeners = listenersOf(random, BY_XDS.configurations);
  const server = await ManagementServer.start(t);
  server.serve(
    'cluster',
    '1',
    CLUSTERS.map((name) => edsCluster(name, 'ads')),
  );
  server.serve(
    'endpoint',
    '1',
    CLUSTERS.map((name) => loadAssignment(name, [upstream])),
  );
  server.serve('route', '1', listeners.flatMap(tablesToFetch));
  server.serve('listener', '1', listeners);
  const proxy = await startProxy(t, dynamicBootstrap(server, 'ads', { bootstrap: LAYERS }));
  const ports = await portsOf(proxy, listeners);
  const dumped = await dumpOf(proxy, ports);
  await compare(random, ports, BY_XDS.requests, (query) => byDump(dumped, query));
  for (const port of ports.values()) {
    const query = { url: `http://127.0.0.1:${port}/a`, method: 'GET', headers: [], source: '127.0.0.1', alpn: [] };
    const { body } = await proxy.admin.get(
      `/explain?format=json&source=127.0.0.1&url=${encodeURIComponent(query.url)}`,
    );
    const { notes: _, ...live } = JSON.parse(body);
    assert.deepEqual(live, JSON.parse(JSON.stringify(byDump(dumped, query))));
  }
});

/** Asks the proxy and explain. @returns how often each status came. */
async function compare(
  random: Random,
  ports: ReadonlyMap<string, number>,
  requests: number,
  explained: (query: ExplainQuery) => Explanation,
): Promise<Map<Outcome['status'], number>> {
  const seen = new Map<Outcome['status'], number>();
  for (const [name, port] of ports) {
    const asker = new Asker(port);
    for (let i = 0; i < requests; i++) {
      const request = randomRequest(random);
      const { method, headers, source, path } = request;
      const told = explained({ url: `http://127.0.0.1:${port}${path}`, method, headers, source, alpn: [] });
      const done = await asker.ask(request);
      seen.set(done.status, (seen.get(done.status) ?? 0) + 1);
      const place = `seed ${SEED}, listener ${name}, request ${i}: ${JSON.stringify(request)}`;
      const summary = JSON.stringify({ ...told, request: undefined, listener: undefined });
      assert.deepEqual(done, expected(told, done), `${place}\n${summary}`);
    }
    asker.close();
  }
  return seen;
}

function byDump(dumped: DumpConfiguration, query: ExplainQuery): Explanation {
  const { notes: _, ...explanation } = explain(dumped, query);
  return explanation;
}

async function portsOf(proxy: RunningProxy, listeners: readonly Json[]): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  for (const { name } of listeners) ports.set(name as string, await proxy.listenerPort(name as string));
  return ports;
}

/** What the running proxy dumps, with the ports that the system chose. */
async function dumpOf(proxy: RunningProxy, ports: ReadonlyMap<string, number>): Promise<DumpConfiguration> {
  const root = JSON.parse((await proxy.admin.get('/config_dump?include_eds')).body);
  for (const { static_listeners: fixed = [], dynamic_listeners: fetched = [] } of root.configs) {
    for (const listener of [...fixed, ...fetched].map((entry) => entry.listener ?? entry.active_state.listener))
      listener.address = socketAddress(ports.get(listener.name) as number);
  }
  return explainedDump(root);
}

function listenersOf(random: Random, count: number): Json[] {
  const routes = new RandomRoutes(random);
  return Array.from({ length: count }, (_, i) => {
    const listener = httpListener({ name: `l${i}`, manager: routes.manager(`l${i}`) });
    if (!random.chance(30)) return listener;
    const second = { filters: [connectionManager(routes.manager(`m${i}`))] };
    const range = { source_prefix_ranges: [{ address_prefix: '127.0.0.2', prefix_len: 32 }] };
    const [first] = listener.filter_chains as Json[];
    return random.chance(50)
      ? { ...listener, filter_chains: [{ ...first, filter_chain_match: range }], default_filter_chain: second }
      : { ...listener, filter_chains: [{ ...first, filter_chain_match: range }] };
  });
}

/** Takes the route tables out of a listener, which asks for them instead. */
function tablesToFetch(listener: Json): Json[] {
  const chains = [...(listener.filter_chains as Json[]), listener.default_filter_chain as Json | undefined];
  return chains
    .filter((chain) => chain !== undefined)
    .flatMap(({ filters }) => filters as { typed_config: Json }[])
    .map(({ typed_config: manager }) => {
      const table = manager.route_config as Json;
      delete manager.route_config;
      manager.rds = { route_config_name: table.name, config_source: configSource('ads') };
      return table;
    });
}

function load(given: Json): DumpConfiguration {
  const { bootstrap: message } = loadBootstrap([sourceOf(JSON.stringify(given), 'random', 'json')], {
    allowUnknownStaticFields: false,
    serviceNode: '',
    serviceCluster: '',
    serviceZone: '',
    extensions: extensionReaders(),
    files: (path) => readFileSync(path),
  });
  return new DumpConfiguration({ resources: resourcesOfBootstrap(message), extensions: extensionReaders() });
}
