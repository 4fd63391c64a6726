/**
 * Two workers are one proxy: both serve, what is limited is limited over both, and what is counted adds up.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/intro/threading_model
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  answering,
  bootstrap,
  fileAccessLog,
  httpListener,
  type Json,
  oneCluster,
  routeConfig,
  routeTo,
  staticCluster,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { slicesOf } from '#testing/threads.ts';
import { WireClient } from '#testing/wire-client.ts';

const GET = 'GET / HTTP/1.1\r\nhost: example.test\r\n\r\n';
const CONNECTIONS = 24;
const EACH = 20;
/** A listener's stats go by its address as configured. */
const LISTENER = 'listener.127.0.0.1_0';
/** Generous: the machine may be busy. */
const PATIENCE = 40_000;
/** In nanoseconds. */
const SHORT_SLICE = 100_000;

const start = (t: TestContext, config: Json): Promise<RunningProxy> => startProxy(t, config, { concurrency: 2 });

/** Connects until both workers have a connection. */
async function connectBoth(
  proxy: RunningProxy,
  listener: string,
  open: () => Promise<WireClient>,
): Promise<WireClient[]> {
  const wires: WireClient[] = [];
  await eventually(
    'both workers have a connection',
    async () => {
      wires.push(await open());
      await proxy.statBecomes(`${listener}.downstream_cx_total`, wires.length);
      const [one, other] = await Promise.all(
        [0, 1].map((n) => proxy.stat(`${listener}.worker_${n}.downstream_cx_active`)),
      );
      return one > 0 && other > 0;
    },
    PATIENCE,
  );
  return wires;
}

async function statuses(wires: WireClient[], bytes = GET): Promise<number[]> {
  return Promise.all(
    wires.map(async (wire) => {
      await wire.send(bytes);
      return (await wire.response()).status;
    }),
  );
}

test('both workers serve, counters are their sums, and no line of the access log is torn', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const path = join(temporaryFolder(t), 'access.log');
  const format = `%REQ(:PATH)% %RESPONSE_CODE% ${'x'.repeat(300)} end`;
  const proxy = await start(t, oneCluster(upstream.port, { access_log: [fileAccessLog(path, format)] }));
  const wires = await Promise.all(Array.from({ length: CONNECTIONS }, () => proxy.connect()));
  await Promise.all(
    wires.map(async (wire, w) => {
      for (let i = 0; i < EACH; i++) assert.deepEqual(await statuses([wire], GET.replace('/', `/${w}-${i}`)), [200]);
    }),
  );
  const count = CONNECTIONS * EACH;
  await proxy.statBecomes('http.in.downstream_rq_completed', count);
  const stats = await proxy.stats();
  assert.equal(stats['http.in.downstream_rq_2xx'], count);
  assert.equal(stats['http.in.downstream_cx_total'], CONNECTIONS);
  assert.equal(stats['http.in.downstream_cx_active'], CONNECTIONS);
  assert.equal(stats['cluster.c.upstream_rq_total'], count);
  assert.equal(stats['cluster.c.upstream_rq_200'], count);
  assert.equal(stats['cluster.c.upstream_cx_total'], upstream.connections);
  assert.equal(stats['cluster.c.upstream_rq_active'], 0);
  assert.equal(stats[`${LISTENER}.downstream_cx_total`], CONNECTIONS);
  const shares = [0, 1].map((n) => stats[`${LISTENER}.worker_${n}.downstream_cx_total`]);
  assert.equal(shares[0] + shares[1], CONNECTIONS);
  assert.ok(shares[0] > 0 && shares[1] > 0, `connections of the workers: ${shares}`);
  const { body } = await proxy.get('/clusters');
  assert.match(body, new RegExp(`::rq_total::${count}\\n`));
  const lines = await eventually('every line is written', () => {
    const written = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return written.length >= count && written;
  });
  assert.equal(lines.length, count);
  assert.deepEqual(
    lines.filter((line) => !/^\/\d+-\d+ 200 x{300} end$/.test(line)),
    [],
  );
  assert.equal(new Set(lines).size, count);
});

test('histograms have what both workers recorded', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const proxy = await start(t, { ...oneCluster(upstream.port), stats_flush_interval: '0.1s' });
  const wires = await connectBoth(proxy, LISTENER, () => proxy.connect());
  await statuses(wires);
  await eventually('every request is in the histogram', async () => {
    const { body } = await proxy.get('/stats/prometheus?filter=downstream_rq_time');
    return body.includes(`envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="in"} ${wires.length}\n`);
  });
});

test('a circuit breaker counts the requests of both workers', async (t) => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const upstream = await startUpstream(t, async (exchange) => {
    await released;
    await answer('hello')(exchange);
  });
  const thresholds = [{ max_requests: 3 }];
  const proxy = await start(t, oneCluster(upstream.port, {}, { circuit_breakers: { thresholds } }));
  const wires = await connectBoth(proxy, LISTENER, () => proxy.connect());
  while (wires.length < 12) wires.push(await proxy.connect());
  for (const [i, wire] of wires.entries()) {
    await wire.send(GET);
    // One after the other: as in Envoy, two workers that look at the same moment may both find the last place.
    await eventually('the request has its place or is refused', async () => {
      const stats = await proxy.stats('^cluster\\.c\\.upstream_rq_active');
      return stats['cluster.c.upstream_rq_active'] + stats['cluster.c.upstream_rq_active_overflow'] === i + 1;
    });
  }
  assert.equal(await proxy.stat('cluster.c.upstream_rq_active_overflow'), wires.length - 3);
  assert.equal(await proxy.stat('cluster.c.circuit_breakers.default.rq_open'), 1);
  release();
  const answers = await Promise.all(wires.map(async (wire) => (await wire.response()).status));
  assert.equal(answers.filter((status) => status === 200).length, 3);
  assert.equal(answers.filter((status) => status === 503).length, wires.length - 3);
  await proxy.statBecomes('cluster.c.circuit_breakers.default.rq_open', 0);
});

test('both workers accept from a socket that they share', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const path = join(temporaryFolder(t), 'in.sock');
  const manager = (prefix: string): Json => ({ stat_prefix: prefix });
  const listeners = [
    httpListener({ listener: { enable_reuse_port: false, stat_prefix: 'shared' }, manager: manager('shared') }),
    httpListener({
      name: 'unix',
      listener: { address: { pipe: { path } }, stat_prefix: 'unix' },
      manager: manager('unix'),
    }),
  ];
  const proxy = await start(t, bootstrap(listeners, [staticCluster('c', [upstream.port])]));
  const overUnix = (): Promise<WireClient> =>
    new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new WireClient(socket, PATIENCE)));
      socket.once('error', reject);
    });
  const wires = [
    ...(await connectBoth(proxy, 'listener.shared', () => proxy.connect('in'))),
    ...(await connectBoth(proxy, 'listener.unix', overUnix)),
  ];
  assert.ok((await statuses(wires)).every((status) => status === 200));
  proxy.signal('SIGTERM');
  await Promise.all(wires.map((wire) => wire.closed()));
  assert.equal(await proxy.exited, 0);
});

test('/runtime_modify reaches both workers', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const half = { default_value: { numerator: 100 }, runtime_key: 'to.upstream' };
  const routes = [
    routeTo('/', 'c', {}, { match: { prefix: '/', runtime_fraction: half } }),
    { match: { prefix: '/' }, direct_response: { status: 204 } },
  ];
  const layers = [{ name: 'admin', admin_layer: {} }];
  const clusters = [staticCluster('c', [upstream.port])];
  const listener = httpListener({ manager: routeConfig(routes) });
  const proxy = await start(t, bootstrap([listener], clusters, { layered_runtime: { layers } }));
  const wires = await connectBoth(proxy, LISTENER, () => proxy.connect());
  assert.ok((await statuses(wires)).every((status) => status === 200));
  await proxy.admin.post('/runtime_modify?to.upstream=0');
  await eventually('both workers have it', async () => (await statuses(wires)).every((status) => status === 204));
  await proxy.admin.post('/runtime_modify?to.upstream=');
  await eventually('both workers have it no more', async () =>
    (await statuses(wires)).every((status) => status === 200),
  );
});

test('/healthcheck/fail and /drain_listeners reach both workers', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const proxy = await start(t, oneCluster(upstream.port));
  const wires = await connectBoth(proxy, LISTENER, () => proxy.connect());
  await proxy.admin.post('/drain_listeners');
  await eventually('connections are refused', () =>
    proxy.connect().then(
      (wire) => {
        wire.destroy();
        return false;
      },
      () => true,
    ),
  );
  assert.ok((await statuses(wires)).every((status) => status === 200));
  await proxy.admin.post('/healthcheck/fail');
  for (const wire of wires) {
    await wire.send(GET);
    assert.equal((await wire.response()).header('connection'), 'close');
    await wire.closed();
  }
});

test('/logging reaches both workers', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const proxy = await startProxy(t, oneCluster(upstream.port), {
    concurrency: 2,
    args: ['--log-format', '[%t] %l %v'],
  });
  const wires = await connectBoth(proxy, LISTENER, () => proxy.connect());
  assert.equal(proxy.output, '');
  await proxy.admin.post('/logging?http=debug');
  assert.match((await proxy.admin.post('/logging')).body, /http: debug/);
  for (const wire of wires) await wire.send('not HTTP\r\n\r\n');
  // Each connection's worker tells of the error.
  await eventually('every worker logs', () => {
    const lines = proxy.output.match(/^\[\d+\] debug .*dispatch error/gm) ?? [];
    return lines.length === wires.length && new Set(lines.map((line) => line.split(' ')[0])).size === 2;
  });
});

test('two processes share a port, unless enable_reuse_port is false', async (t) => {
  const port = await freePort();
  const sharing = bootstrap([httpListener({ port, manager: routeConfig([answering('here', { prefix: '/' })]) })]);
  await startProxy(t, sharing);
  await startProxy(t, sharing);
  const alone = bootstrap([httpListener({ port, listener: { enable_reuse_port: false } })], [staticCluster('c', [1])]);
  await assert.rejects(startProxy(t, alone), /Address already in use/);
});

test('the loop of every worker goes before the helpers of V8', { skip: process.platform !== 'linux' }, async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const proxies = [1, 2].map(async (concurrency) => {
    const { pid } = await startProxy(t, oneCluster(upstream.port), { concurrency });
    const slices = slicesOf(pid);
    if (slices[0] === undefined) return t.diagnostic('this kernel does not tell of slices');
    assert.ok(slices.filter((slice) => slice === SHORT_SLICE).length >= concurrency);
    assert.ok(slices.some((slice) => slice !== SHORT_SLICE));
  });
  await Promise.all(proxies);
});
