/**
 * A new generation of the proxy takes over under load: no request fails, and the old one goes when its connections are gone.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/hot_restart
 */
import assert from 'node:assert/strict';
import type { NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answer, hang } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, oneCluster, staticCluster } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import { type RequestLoad, startLoad } from '#testing/request-load.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

/** Generous: the machine may be busy. */
const PATIENCE = 40_000;
let lastBaseId = (process.pid * 7) % 20_000;

/** Starts one generation after the other under load, each with its number of workers. */
async function takeOver(t: TestContext, config: Json, address: NetConnectOpts, workers: number[]): Promise<void> {
  const baseId = ++lastBaseId;
  const generation = (epoch: number): Promise<RunningProxy> => {
    const options: ProxyOptions = {
      hotRestart: { baseId, epoch },
      concurrency: workers[epoch],
      args: ['--drain-time-s', '1', '--parent-shutdown-time-s', '30'],
    };
    return startProxy(t, config, options);
  };
  let current = await generation(0);
  const loads = [startLoad(t, address), startLoad(t, address, { keepAlive: false })];
  for (let epoch = 1; epoch < workers.length; epoch++) {
    await more(loads, 100);
    const next = await generation(epoch);
    assert.equal(await within(current.exited, 'the old generation ends'), 0, current.output);
    current = next;
    assert.equal(JSON.parse((await current.get('/server_info')).body).command_line_options.restart_epoch, epoch);
  }
  await more(loads, 100);
  await Promise.all(loads.map((load) => load.stop()));
  assert.deepEqual(
    loads.flatMap((load) => load.failures),
    [],
  );
  assert.ok((await current.stat('http.in.downstream_rq_completed')) > 100);
}

/** Waits until each load has completed so many more requests. */
async function more(loads: RequestLoad[], count: number): Promise<void> {
  const wanted = loads.map((load) => load.completed + count);
  await eventually(
    'requests go on',
    () => loads.every((load, i) => load.failures.length > 0 || load.completed >= wanted[i]),
    PATIENCE,
  );
}

async function within<T>(event: Promise<T>, what: string): Promise<T> {
  let result: { value: T } | undefined;
  void event.then((value) => {
    result = { value };
  });
  return (await eventually(what, () => result, PATIENCE)).value;
}

for (const workers of [
  [1, 1, 1],
  [2, 2, 2],
  [1, 2, 1],
]) {
  test(`no request fails while generations with ${workers} workers follow each other on a port`, async (t) => {
    const upstream = await startUpstream(t, answer('hello'));
    const port = await freePort();
    const config = bootstrap([httpListener({ port })], [staticCluster('c', [upstream.port])]);
    await takeOver(t, config, { port, host: '127.0.0.1' }, workers);
  });

  test(`no request fails while generations with ${workers} workers follow each other on a unix socket`, async (t) => {
    const upstream = await startUpstream(t, answer('hello'));
    const path = join(temporaryFolder(t), 'in.sock');
    const config = bootstrap(
      [httpListener({ listener: { address: { pipe: { path } } } })],
      [staticCluster('c', [upstream.port])],
    );
    await takeOver(t, config, { path }, workers);
  });
}

test('no request fails while generations follow each other on a port that two workers share', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const port = await freePort();
  const listener = httpListener({ port, listener: { enable_reuse_port: false } });
  await takeOver(t, bootstrap([listener], [staticCluster('c', [upstream.port])]), { port, host: '127.0.0.1' }, [2, 2]);
});

test('the old generation finishes what it has begun, and ends with the last connection', async (t) => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const upstream = await startUpstream(t, async (exchange) => {
    if (exchange.target === '/slow') await released;
    await answer('hello')(exchange);
  });
  const config = oneCluster(upstream.port) as { static_resources: { listeners: Json[] } };
  const port = await freePort();
  config.static_resources.listeners = [httpListener({ port })];
  const baseId = ++lastBaseId;
  const args = ['--drain-time-s', '1', '--parent-shutdown-time-s', '60'];
  const old = await startProxy(t, config, { hotRestart: { baseId, epoch: 0 }, args });
  const begun = await old.connect();
  await begun.send('GET /slow HTTP/1.1\r\nhost: example.test\r\n\r\n');
  await eventually('the upstream has the request', () => upstream.requests.length === 1);
  const fresh = await startProxy(t, config, { hotRestart: { baseId, epoch: 1 }, args });
  const other = await fresh.connect();
  await other.send('GET / HTTP/1.1\r\nhost: example.test\r\n\r\n');
  assert.equal((await other.response()).status, 200);
  assert.equal(await fresh.stat('http.in.downstream_rq_total'), 1);
  release();
  assert.equal((await begun.response()).body, 'hello');
  begun.end();
  assert.equal(await within(old.exited, 'the old generation ends'), 0);
});

test('the old generation ends at its parent shutdown time though requests are under way', async (t) => {
  const upstream = await startUpstream(t, hang);
  const port = await freePort();
  const config = bootstrap([httpListener({ port })], [staticCluster('c', [upstream.port])]);
  const baseId = ++lastBaseId;
  const args = ['--drain-time-s', '1', '--parent-shutdown-time-s', '2'];
  const old = await startProxy(t, config, { hotRestart: { baseId, epoch: 0 }, args });
  const busy = await old.connect();
  await busy.send('GET / HTTP/1.1\r\nhost: example.test\r\n\r\n');
  await eventually('the upstream has the request', () => upstream.requests.length === 1);
  await startProxy(t, config, { hotRestart: { baseId, epoch: 1 }, args });
  busy.patience = PATIENCE;
  await busy.closed();
  assert.equal(await within(old.exited, 'the old generation ends'), 0);
});

test('the admin port is handed on too, with clusters that take time to start', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const [port, admin] = [await freePort(), await freePort()];
  const cluster = staticCluster('c', [upstream.port], { type: 'STRICT_DNS' });
  const address = { socket_address: { address: '127.0.0.1', port_value: admin } };
  const config = bootstrap([httpListener({ port })], [cluster], { admin: { address } });
  const baseId = ++lastBaseId;
  const old = await startProxy(t, config, { hotRestart: { baseId, epoch: 0 } });
  const next = await startProxy(t, config, { hotRestart: { baseId, epoch: 1 } });
  assert.equal(await next.stat('server.hot_restart_epoch'), 1);
  assert.equal(await within(old.exited, 'the old generation ends'), 0);
});

test('a generation that cannot start leaves the old one serving', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const port = await freePort();
  const clusters = [staticCluster('c', [upstream.port])];
  const baseId = ++lastBaseId;
  const good = bootstrap([httpListener({ port })], clusters);
  const old = await startProxy(t, good, { hotRestart: { baseId, epoch: 0 } });
  const load = startLoad(t, { port, host: '127.0.0.1' }, { keepAlive: false });
  const taken = httpListener({ name: 'taken', port: upstream.port });
  const bad = bootstrap([httpListener({ port }), taken], clusters);
  await assert.rejects(startProxy(t, bad, { hotRestart: { baseId, epoch: 1 } }), /cannot bind .*already in use/);
  await more([load], 100);
  await startProxy(t, good, { hotRestart: { baseId, epoch: 1 } });
  await more([load], 100);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await within(old.exited, 'the old generation ends'), 0);
});

test('a generation whose parent is not there does not start', async (t) => {
  const config = bootstrap([httpListener()], [staticCluster('c', [1])]);
  await assert.rejects(
    startProxy(t, config, { hotRestart: { baseId: ++lastBaseId, epoch: 3 } }),
    /ended \(1\) before it was live.*epoch 2/s,
  );
});
