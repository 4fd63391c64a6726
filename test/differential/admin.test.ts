/**
 * What the admin API tells after the same traffic: the names of the stats, the counters, the configuration, clusters and listeners are
 * those of real Envoy. Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { answer, byPath, inTurn } from '#testing/behaviours.ts';
import {
  bootstrap,
  downstreamTls,
  httpListener,
  httpProtocolOptions,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  upstreamTls,
} from '#testing/bootstrap.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { type Behaviour, startUpstream } from '#testing/start-upstream.ts';
import type { WireOptions } from '#testing/wire-client.ts';

/** Of one proxy, after its traffic. */
interface Told {
  stats: Record<string, number>;
  /** Names of histograms. */
  histograms: string[];
  config: unknown;
  clusters: unknown;
  listeners: unknown;
  /** The paths of all values of the other answers in JSON. */
  shapes: Record<string, string[]>;
  prometheus: string[];
}

interface Trial {
  /** Each of the two has an upstream of its own. */
  upstream: Behaviour;
  tls?: TlsOptions;
  config(port: number): Json;
  concurrency?: number;
  connect?: WireOptions;
  /** Targets, each asked for on a connection of its own. */
  targets: string[];
  /** Counters and gauges that may differ, since they count time, bytes of TLS, or how connections fell to workers. */
  differing?: RegExp;
}

/** Times, sizes and what depends on the moment; what is sent has the time that the upstream took. */
const OF_THE_MOMENT =
  /memory|uptime|server\.version|recent_lookups|days_until|initialization|main_thread|watchdog|\.admin\.|worker_\d|seconds_until|downstream_cx_tx_bytes_total/;

async function told(t: TestContext, trial: Trial, kind: ProxyKind): Promise<Told> {
  const upstream = await startUpstream(t, trial.upstream, { tls: trial.tls });
  const proxy = await startProxy(t, trial.config(upstream.port), { kind, concurrency: trial.concurrency });
  for (const target of trial.targets) {
    const wire = await proxy.connect(undefined, trial.connect);
    await wire.send(`GET ${target} HTTP/1.1\r\nhost: example.test\r\n\r\n`);
    await wire.response();
    wire.end();
    await wire.closed();
  }
  await proxy.statBecomes('http.in.downstream_cx_active', 0);
  const json = async (path: string): Promise<unknown> => JSON.parse((await proxy.get(path)).body);
  const told = {
    stats: await proxy.stats(),
    histograms: await histogramNames(proxy),
    config: shown(await json('/config_dump?include_eds')),
    clusters: shown(await json('/clusters?format=json')),
    listeners: shown(await json('/listeners?format=json')),
    shapes: {
      serverInfo: leaves(shown(await json('/server_info'))),
      certs: leaves(await json('/certs')),
      initDump: leaves(await json('/init_dump')),
      runtime: leaves(await json('/runtime')),
      memory: leaves(await json('/memory')),
    },
    prometheus: await prometheusNames(proxy),
  };
  await proxy.kill();
  return told;
}

async function histogramNames(proxy: RunningProxy): Promise<string[]> {
  const { body } = await proxy.get('/stats?type=Histograms');
  return body.split('\n').map((line) => line.split(': ')[0]);
}

async function prometheusNames(proxy: RunningProxy): Promise<string[]> {
  const { body } = await proxy.get('/stats/prometheus');
  return body.split('\n').flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
}

/** Differs by nature: what the process is, when it began, and which ports the system gave it. */
const OWN = new Set([
  'last_updated',
  'user_agent_build_version',
  'user_agent_name',
  'extensions',
  'build_version',
  'port_value',
]);

function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !OWN.has(key));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, shown(one)]));
}

async function compareAdmin(t: TestContext, trial: Trial): Promise<void> {
  const envoy = await told(t, trial, 'envoy');
  const ours = await told(t, trial, 'fairlead');
  await t.test('the names of stats', () => {
    const [theirs, own] = [envoy, ours].map(({ stats, histograms }) => [...Object.keys(stats), ...histograms].sort());
    assert.deepEqual(without(theirs, own), [], 'stats that only Envoy has');
    assert.deepEqual(without(own, theirs), [], 'stats that only we have');
  });
  await t.test('counters and gauges', () => {
    const differing = Object.keys(envoy.stats)
      .filter((name) => name in ours.stats && !OF_THE_MOMENT.test(name) && !trial.differing?.test(name))
      .filter((name) => envoy.stats[name] !== ours.stats[name])
      .map((name) => `${name}: Envoy ${envoy.stats[name]}, ours ${ours.stats[name]}`);
    assert.deepEqual(differing, []);
  });
  await t.test('/config_dump', () => assert.deepEqual(ours.config, envoy.config));
  await t.test('/clusters', () => assert.deepEqual(leaves(ours.clusters), leaves(envoy.clusters)));
  await t.test('/listeners', () => assert.deepEqual(ours.listeners, envoy.listeners));
  await t.test('the fields of other answers', () => assert.deepEqual(ours.shapes, envoy.shapes));
  await t.test('/stats/prometheus', () => {
    assert.deepEqual(without(envoy.prometheus, ours.prometheus), [], 'names that only Envoy has');
  });
}

function without(all: string[], others: string[]): string[] {
  const known = new Set(others);
  return all.filter((one) => !known.has(one));
}

/** The paths of all values: of clusters, since their counts are compared as counters. */
function leaves(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    ...new Set(
      Object.entries(value).flatMap(([key, one]) => leaves(one, `${path}.${Array.isArray(value) ? '' : key}`)),
    ),
  ].sort();
}

const common = (name: string): Json => {
  const { cert, key } = signed(name);
  return { tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }] };
};

test('after requests over TLS on both sides the admin API tells what Envoy tells', async (t) => {
  const { cert, key } = signed('upstream.test');
  const trust = { validation_context: { trusted_ca: { inline_string: testAuthority().cert } } };
  const chain = downstreamTls(common('example.test'));
  const cluster = (port: number): Json => staticCluster('c', [port], upstreamTls(trust, { sni: 'upstream.test' }));
  await compareAdmin(t, {
    upstream: byPath({ '/': answer('hello'), '/503': answer({ status: 503 }) }),
    tls: { cert, key },
    config: (port) => bootstrap([httpListener({ chain })], [cluster(port)]),
    connect: { tls: { servername: 'example.test' } },
    targets: ['/', '/', '/503', '/a?b=c', '/'],
    differing: /bytes/,
  });
});

test('after weighted routes and retries the admin API tells what Envoy tells', async (t) => {
  const weighted = {
    match: { prefix: '/weighted' },
    name: 'weighted',
    route: {
      weighted_clusters: {
        clusters: [
          { name: 'c', weight: 100 },
          { name: 'd', weight: 0 },
        ],
      },
    },
  };
  const retry = { retry_policy: { retry_on: '5xx', num_retries: 2, retry_back_off: { base_interval: '0.001s' } } };
  const host = {
    virtual_clusters: [{ name: 'fails', headers: [{ name: ':path', string_match: { exact: '/fails' } }] }],
  };
  const routes = [weighted, routeTo('/direct', 'c'), routeTo('/', 'c', retry, { stat_prefix: 'rest' })];
  const direct = { match: { prefix: '/moved' }, redirect: { path_redirect: '/' } };
  await compareAdmin(t, {
    upstream: byPath({
      '/': answer('hello'),
      '/retried': inTurn(answer({ status: 503 }), answer('second'), answer({ status: 503 }), answer('second')),
      '/fails': answer({ status: 503 }),
    }),
    config: (port) =>
      bootstrap(
        [httpListener({ manager: routeConfig([direct, ...routes], host) })],
        [
          staticCluster('c', [port], {
            ...httpProtocolOptions({ common_http_protocol_options: { max_requests_per_connection: 3 } }),
            circuit_breakers: { thresholds: [{ max_retries: 5, track_remaining: true }] },
            track_cluster_stats: { request_response_sizes: true, timeout_budgets: true },
          }),
          staticCluster('d', [port]),
        ],
      ),
    targets: ['/weighted', '/retried', '/fails', '/moved', '/direct', '/weighted', '/retried'],
  });
});

test('after requests to two workers the admin API tells what Envoy tells', async (t) => {
  await compareAdmin(t, {
    upstream: byPath({ '/': answer('hello'), '/503': answer({ status: 503 }) }),
    config: (port) => bootstrap([httpListener()], [staticCluster('c', [port])]),
    concurrency: 2,
    targets: Array.from({ length: 40 }, (_, i) => (i % 10 === 0 ? '/503' : '/')),
    differing: /upstream_cx_|pending_total/,
  });
});
