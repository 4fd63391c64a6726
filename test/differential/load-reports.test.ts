/** LRS: what our proxy and real Envoy report of the same traffic, to the same server. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  httpProtocolOptions,
  type Json,
  loadAssignment,
  routeConfig,
  routeTo,
  socketAddress,
  staticCluster,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { LoadReportingServer } from '#testing/load-reporting-server.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { both } from './attempted.ts';

const INTERVAL = '0.2s';
/** What an endpoint says of its load, by the path that it is asked. */
const LOADS: Record<string, Record<string, string>> = {
  text: { 'endpoint-load-metrics': 'TEXT cpu_utilization=0.5, named_metrics.a:2,utilization.u=0.25' },
  json: { 'endpoint-load-metrics': 'JSON {"mem_utilization": 0.5, "named_metrics": {"a": 3, "b": 1}}' },
  bytes: { 'endpoint-load-metrics': 'BIN CQAAAAAAANA/' },
  binary: { 'endpoint-load-metrics-bin': 'CQAAAAAAANA/' },
  wrong: { 'endpoint-load-metrics': 'TEXT cpu_utilization=much,mem_utilization=0.5' },
};
const METRICS = ['cpu_utilization', 'named_metrics.*', 'utilization.u', 'utilization.v'];
type Tree = Record<string, unknown>;

/** Each endpoint in a locality of its own: their addresses are one server's. */
function spread(name: string, port: number): Json {
  const locality = (zone: string, address: string, priority = 0): Json => ({
    locality: { region: 'r', zone },
    priority,
    lb_endpoints: [{ endpoint: { address: socketAddress(port, address) } }],
  });
  return {
    cluster_name: name,
    endpoints: [locality('a', '127.0.0.1'), locality('b', '127.0.0.2'), locality('c', '127.0.0.3', 1)],
  };
}

/** What the upstream does is said by the path: it waits, breaks off, or answers with a status. */
async function started(t: TestContext, kind: ProxyKind, concurrency = 1) {
  const lrs = await LoadReportingServer.start(t);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const upstream = await startUpstream(
    t,
    async (exchange) => {
      const [, path] = exchange.request.head.split(' ');
      if (path === '/held') await held;
      if (path === '/reset') return exchange.reset();
      const status = /\/(\d{3})$/.exec(path)?.[1] ?? '200';
      const load = LOADS[/^\/loads\/(.*)$/.exec(path)?.[1] ?? ''];
      return answer({ status: Number(status), ...(load && { headers: load }) })(exchange);
    },
    { host: '0.0.0.0' },
  );
  const { port } = upstream;
  const file = join(temporaryFolder(t), 'eds.json');
  const assignment = {
    '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
    ...spread('service', port),
  };
  writeFileSync(file, JSON.stringify({ version_info: '1', resources: [assignment] }));
  const drop = { category: 'too much', drop_percentage: { numerator: 100 } };
  const clusters = [
    staticCluster('one', [port]),
    staticCluster('spread', [], { load_assignment: spread('spread', port) }),
    {
      name: 'fetched',
      type: 'EDS',
      eds_cluster_config: { service_name: 'service', eds_config: { path_config_source: { path: file } } },
    },
    staticCluster('drops', [port], {
      load_assignment: { ...loadAssignment('drops', [port]), policy: { drop_overloads: [drop] } },
    }),
    staticCluster('full', [port], { circuit_breakers: { thresholds: [{ max_requests: 0, max_pending_requests: 0 }] } }),
    staticCluster('dead', [1]),
    staticCluster('loads', [port], { lrs_report_endpoint_metrics: METRICS }),
    staticCluster('reports', [lrs.port], httpProtocolOptions({ explicit_http_config: { http2_protocol_options: {} } })),
  ];
  const names = ['spread', 'fetched', 'drops', 'full', 'dead', 'loads'];
  const routes = [...names.map((name) => routeTo(`/${name}`, name)), routeTo('/', 'one')];
  const load_stats_config = {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'reports' } }],
  };
  const more = { node: { id: 'n', cluster: 'c' }, cluster_manager: { load_stats_config } };
  const config = bootstrap([httpListener({ manager: routeConfig(routes) })], clusters, more);
  const proxy = await startProxy(t, config, { kind, concurrency });
  await eventually('the stream is open', async () => lrs.reports.length > 0);
  return { lrs, proxy, release };
}

async function send(proxy: RunningProxy, ...paths: string[]): Promise<number[]> {
  const seen: number[] = [];
  for (const path of paths) {
    const wire = await proxy.connect('in');
    await wire.send(`GET ${path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n`);
    seen.push((await wire.response()).status);
  }
  return seen;
}

/** Loads summed over all reports; ports are each upstream's own. */
function totals(lrs: LoadReportingServer): Tree {
  const sums: Tree = {};
  for (const { cluster_stats: clusters = [] } of lrs.reports)
    for (const { load_report_interval: _, cluster_name: name, ...cluster } of clusters)
      sums[String(name)] = added(sums[String(name)], cluster);
  return JSON.parse(JSON.stringify(sums).replaceAll(/"port_value":\d{3,}/g, '"port_value":0')) as Tree;
}

const SUMMED = /^(total_(successful|error|issued|dropped)_requests|dropped_count|num_requests_.*|total_metric_value)$/;

function added(sum: unknown, next: unknown, name = ''): unknown {
  if (SUMMED.test(name)) return Number(sum ?? 0) + Number(next);
  // How many are under way when a report is made is chance.
  if (name === 'total_requests_in_progress') return undefined;
  if (Array.isArray(next)) {
    const list = (sum ?? []) as Tree[];
    for (const one of next as Tree[]) {
      const at = list.findIndex((other) => identity(other) === identity(one));
      if (at < 0) list.push(added({}, one) as Tree);
      else list[at] = added(list[at], one) as Tree;
    }
    return list.sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
  }
  if (typeof next !== 'object' || next === null) return next;
  const before = (sum ?? {}) as Tree;
  const entries = Object.entries(next).map(([field, value]) => [field, added(before[field], value, field)]);
  return { ...before, ...Object.fromEntries(entries) };
}

function identity({ locality, priority, address, category, metric_name }: Tree): string {
  return JSON.stringify([locality, priority, address, category, metric_name]);
}

// Which member is the first is chance: each of two gets the same.
const TRAFFIC = [
  '/',
  '/',
  '/500',
  '/404',
  '/reset',
  '/drops',
  '/drops',
  '/full',
  '/dead',
  ...Object.keys(LOADS).map((name) => `/loads/${name}`),
  '/loads/text',
  '/spread/a',
  '/spread/b',
  '/spread/503',
  '/spread/503',
  '/fetched/',
  '/fetched/',
];

async function reports(t: TestContext, kind: ProxyKind, byEndpoint: boolean) {
  const { lrs, proxy, release } = await started(t, kind);
  await send(proxy, '/before');
  const clusters = ['one', 'spread', 'fetched', 'drops', 'full', 'dead', 'loads', 'nowhere'];
  lrs.ask({ clusters, load_reporting_interval: INTERVAL, report_endpoint_granularity: byEndpoint });
  await proxy.statBecomes('load_reporter.requests', 1);
  const answers = await send(proxy, ...TRAFFIC);
  const waiting = send(proxy, '/held');
  await eventually('a request under way is reported', async () =>
    JSON.stringify(lrs.reports).includes('"total_requests_in_progress":"1"'),
  );
  release();
  answers.push(...(await waiting));
  const count = lrs.reports.length;
  await eventually('all is reported', async () => lrs.reports.length >= count + 2);
  const [first] = lrs.reports;
  return {
    answers,
    first: { ...first, node: first.node?.client_features },
    every: lrs.reports.every(({ node }) => node !== undefined),
    idle: lrs.reports
      .at(-1)
      ?.cluster_stats?.map(({ load_report_interval: _, ...stats }) => JSON.stringify(stats))
      .sort(),
    totals: totals(lrs),
    errors: await proxy.stat('load_reporter.errors'),
  };
}

for (const byEndpoint of [false, true]) {
  test(`load ${byEndpoint ? 'by endpoint' : 'by locality'} is reported as by Envoy`, async (t) => {
    const [envoy, ours] = await Promise.all([reports(t, 'envoy', byEndpoint), reports(t, 'fairlead', byEndpoint)]);
    assert.deepEqual(Object.keys(ours.totals).sort(), ['dead', 'drops', 'fetched', 'full', 'loads', 'one', 'spread']);
    assert.deepEqual(ours, envoy);
  });
}

async function allClusters(t: TestContext, kind: ProxyKind) {
  const { lrs, proxy } = await started(t, kind, 2);
  lrs.ask({ send_all_clusters: true, load_reporting_interval: INTERVAL });
  await proxy.statBecomes('load_reporter.requests', 1);
  await Promise.all(Array.from({ length: 10 }, () => send(proxy, '/', '/drops')));
  const count = lrs.reports.length;
  await eventually('all is reported', async () => lrs.reports.length >= count + 2);
  const seen = [totals(lrs)];
  delete seen[0].reports;
  lrs.reports.length = 0;
  lrs.breakStreams();
  await send(proxy, '/', '/500');
  await eventually('it is reported by the next stream', async () => lrs.reports.length >= 2, 10_000);
  seen.push(totals(lrs));
  delete seen[1].reports;
  return { seen, counts: await proxy.stats('load_reporter.(errors|retries)') };
}

test('all clusters of all workers are reported, and what happens between two streams by the second', async (t) => {
  const [envoy, ours] = await both(t, (kind) => allClusters(t, kind));
  assert.deepEqual(ours, envoy);
});
