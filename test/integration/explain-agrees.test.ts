/**
 * What explain says is what the running proxy does: random requests over random configurations, asked of both.
 * FAIRLEAD_SEED=N tries the configurations of another seed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { sourceOf } from '#api/source.ts';
import { loadBootstrap } from '#config/load.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import type { DumpConfiguration } from '#explain/dump/dump-configuration.ts';
import { explain, explainIn } from '#explain/explain.ts';
import type { Explanation } from '#explain/explanation.ts';
import { NEW_REQUEST_ID } from '#explain/prepare-request.ts';
import { extensionReaders } from '#proxy/extensions.ts';
import {
  bootstrap,
  connectionManager,
  httpListener,
  type Json,
  socketAddress,
  staticCluster,
} from '#testing/bootstrap.ts';
import { explainedDump } from '#testing/explained-dump.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { type WireClient, type WireResponse, wireClient } from '#testing/wire-client.ts';
import { Random } from './random.ts';
import { type RandomRequest, randomRequest } from './random-request.ts';
import { RandomRoutes } from './random-routes.ts';

const SEED = Number(process.env.FAIRLEAD_SEED ?? 1);
const CONFIGURATIONS = 40;
const REQUESTS = 250;

test('explain says what the running proxy does with 10,000 random requests over 40 random configurations', async (t) => {
  const random = new Random(SEED);
  const upstream = await startEcho(t);
  const given = configurations(random, upstream);
  const proxy = await startProxy(t, given);
  const ports = new Map<string, number>();
  const listeners = (given.static_resources as { listeners: Json[] }).listeners;
  for (const listener of listeners) {
    const port = await proxy.listenerPort(listener.name as string);
    ports.set(listener.name as string, port);
    listener.address = socketAddress(port);
  }
  const snapshot = load(given);
  const dumped = await dumpOf(proxy, ports);
  const seen = new Map<Outcome['status'], number>();
  for (const [name, port] of ports) {
    const asker = new Asker(port);
    for (let i = 0; i < REQUESTS; i++) {
      const request = randomRequest(random);
      const query = {
        url: `http://127.0.0.1:${port}${request.path}`,
        method: request.method,
        headers: request.headers,
        source: request.source,
        alpn: [],
      };
      const told = explain(snapshot, query);
      const { notes: _, ...byDump } = explainIn(dumped, query);
      assert.deepEqual(byDump, told, `by its dump: ${JSON.stringify(request)}`);
      const done = await asker.ask(request);
      seen.set(done.status, (seen.get(done.status) ?? 0) + 1);
      const place = `seed ${SEED}, listener ${name}, request ${i}: ${JSON.stringify(request)}`;
      assert.deepEqual(
        done,
        expected(told, done),
        `${place}\n${JSON.stringify({ ...told, request: undefined, listener: undefined })}`,
      );
    }
    asker.close();
  }
  for (const status of [200, 301, 307, 400, 404, 410, 503, 'closed'] as const)
    assert.ok((seen.get(status) ?? 0) > 10, `hardly any of the answers was ${status}: ${JSON.stringify([...seen])}`);
});

/** What the running proxy dumps, with the ports that it chose. */
async function dumpOf(proxy: RunningProxy, ports: ReadonlyMap<string, number>): Promise<DumpConfiguration> {
  const root = JSON.parse((await proxy.admin.get('/config_dump?include_eds')).body);
  for (const { static_listeners: all = [] } of root.configs)
    for (const { listener } of all) listener.address = socketAddress(ports.get(listener.name) as number);
  return explainedDump(root);
}

function configurations(random: Random, port: number): Json {
  const routes = new RandomRoutes(random);
  const listeners = Array.from({ length: CONFIGURATIONS }, (_, i) => {
    const listener = httpListener({ name: `l${i}`, manager: routes.manager(`l${i}`) });
    if (!random.chance(30)) return listener;
    const second = { filters: [connectionManager(routes.manager(`m${i}`))] };
    const range = { source_prefix_ranges: [{ address_prefix: '127.0.0.2', prefix_len: 32 }] };
    const [first] = listener.filter_chains as Json[];
    return random.chance(50)
      ? { ...listener, filter_chains: [{ ...first, filter_chain_match: range }], default_filter_chain: second }
      : { ...listener, filter_chains: [{ ...first, filter_chain_match: range }] };
  });
  const values = { split: { c0: 0, c1: 5 }, all: 100, none: 0 };
  return bootstrap(
    listeners,
    ['c0', 'c1', 'c2'].map((name) => staticCluster(name, [port])),
    { layered_runtime: { layers: [{ name: 'static', static_layer: values }] } },
  );
}

/** An upstream that answers with the head that it got. */
async function startEcho(t: TestContext): Promise<number> {
  const upstream = await startUpstream(t, async (exchange) => {
    const { head } = exchange.request;
    upstream.requests.length = 0;
    await exchange.write(`HTTP/1.1 200 OK\r\ncontent-length: ${head.length}\r\n\r\n${head}`);
  });
  return upstream.port;
}

function load(given: Json): Snapshot {
  return loadBootstrap([sourceOf(JSON.stringify(given), 'random', 'json')], {
    allowUnknownStaticFields: false,
    serviceNode: '',
    serviceCluster: '',
    serviceZone: '',
    extensions: extensionReaders(),
    files: (path) => readFileSync(path),
  }).snapshot;
}

/** What came of a request, as far as both can tell. */
interface Outcome {
  status: number | 'closed';
  route: string;
  cluster: string;
  location: string;
  grpcStatus: string;
  body: string;
  /** Request line and sorted fields, as the upstream got them. */
  upstream: string[];
}

const NOTHING: Outcome = {
  status: 'closed',
  route: '',
  cluster: '',
  location: '',
  grpcStatus: '',
  body: '',
  upstream: [],
};

/** Sends requests on connections that it keeps, one for each source. */
class Asker {
  readonly #port: number;
  readonly #connections = new Map<string, WireClient>();

  constructor(port: number) {
    this.#port = port;
  }

  async ask(request: RandomRequest): Promise<Outcome> {
    const kept = this.#connections.get(request.source);
    if (kept !== undefined && !kept.socket.destroyed) {
      const done = await exchange(kept, request);
      // A connection that was kept may have been closed after its last answer.
      if (done !== NOTHING) return done;
    }
    const wire = await wireClient(this.#port, { localAddress: request.source });
    this.#connections.set(request.source, wire);
    return await exchange(wire, request);
  }

  close(): void {
    for (const wire of this.#connections.values()) wire.destroy();
  }
}

async function exchange(wire: WireClient, { method, path, headers }: RandomRequest): Promise<Outcome> {
  const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  await wire.send(`${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
  await wire.something();
  if (wire.rest === '' && wire.ending !== undefined) return NOTHING;
  const response = await wire.response(method);
  if (response.header('connection') === 'close') wire.destroy();
  return outcome(response);
}

function outcome(response: WireResponse): Outcome {
  const body = response.body;
  const forwarded = / HTTP\/1\.1\r\n/.test(body);
  return {
    status: response.status,
    route: response.header('x-route') ?? '',
    cluster: response.header('x-cluster') ?? '',
    location: response.header('location') ?? '',
    grpcStatus: response.header('grpc-status') ?? '',
    body: forwarded ? '' : body,
    upstream: forwarded ? requestLines(body) : [],
  };
}

/** The request without the fields that frame it, which are the codec's. */
function requestLines(head: string): string[] {
  const [line, ...fields] = head.trimEnd().split('\r\n');
  const told = fields.filter((field) => !/^(content-length|transfer-encoding):/.test(field));
  const lines = told.map((field) => field.replace(/^(x-request-id): (?!mine|7ab1e2f0).*/, '$1: new').trimEnd());
  return [line.replace(/ HTTP.*/, ''), ...lines.sort()];
}

/** What explain expects; where chance decides, that of its two answers which came true, or the first. */
function expected(told: Explanation, done: Outcome): Outcome {
  if (told.closed !== undefined) return NOTHING;
  const first = followed(told, done);
  const { otherwise } = told.route ?? {};
  if (otherwise === undefined || isDeepStrictEqual(first, done)) return first;
  const { status = done.status, cluster } = otherwise;
  // An answer of the proxy's own, about a cluster that is not there, names no route.
  const route = cluster !== undefined && otherwise.status !== undefined ? '' : otherwise.route;
  const grpc = done.grpcStatus !== '';
  return { ...done, route, status: grpc ? 200 : status, cluster: route === '' ? '' : (cluster ?? done.cluster) };
}

/** What comes of the way that explain followed. A share of a cluster that chance chose is taken as it is. */
function followed(told: Explanation, done: Outcome): Outcome {
  const { response, upstream, cluster } = told;
  if (response !== undefined) {
    const field = (name: string) => response.headers.find((header) => header.name === name)?.value ?? '';
    return {
      ...NOTHING,
      status: response.status,
      route: field('x-route'),
      cluster: field('x-cluster'),
      location: response.location ?? '',
      grpcStatus: field('grpc-status'),
      body: response.body ?? '',
    };
  }
  assert.ok(upstream !== undefined && cluster !== undefined);
  const share =
    cluster.name === '' ? cluster.shares?.find(({ name, weight }) => weight > 0 && name === done.cluster) : cluster;
  const fields = [{ name: 'host', value: upstream.host }, ...upstream.headers].map(({ name, value }) =>
    value === NEW_REQUEST_ID ? `${name}: new` : `${name}: ${value}`.trimEnd(),
  );
  return {
    ...NOTHING,
    status: 200,
    route: told.route?.name ?? '',
    cluster: share?.name ?? 'none that may be chosen',
    upstream:
      upstream.cluster === done.cluster ? [`${upstream.method} ${upstream.path}`, ...fields.sort()] : done.upstream,
  };
}
