/**
 * How the proxy ends, and what signals and the admin API do to its course.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining and .../operations/admin
 */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, routeConfig, staticCluster } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { type ProxyOptions, RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream, type Upstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { type WireClient, wireClient } from '#testing/wire-client.ts';

const GET = 'GET / HTTP/1.1\r\nhost: example.test\r\n\r\n';
const SLOW = 'GET /slow HTTP/1.1\r\nhost: example.test\r\n\r\n';
const DIRECT = routeConfig([
  { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'x' } } },
]);

interface Slow {
  proxy: RunningProxy;
  upstream: Upstream;
  /** Has requests for /slow answered. */
  release(): void;
}

/** A proxy whose upstream answers /slow when it is released. */
async function withSlowUpstream(t: TestContext, args: string[], options: ProxyOptions = {}): Promise<Slow> {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const upstream = await startUpstream(t, async (exchange) => {
    if (exchange.target === '/slow') await released;
    await answer('hello')(exchange);
  });
  const config = bootstrap([httpListener()], [staticCluster('c', [upstream.port])]);
  return { proxy: await startProxy(t, config, { args, ...options }), upstream, release };
}

function startDirect(t: TestContext, options: ProxyOptions = {}, ...listeners: Json[]): Promise<RunningProxy> {
  return startProxy(t, bootstrap([httpListener({ manager: DIRECT }), ...listeners]), options);
}

/** Sends the bytes and takes the response. */
async function asked(wire: WireClient, bytes = GET): ReturnType<WireClient['response']> {
  await wire.send(bytes);
  return wire.response();
}

async function refuses(port: number): Promise<void> {
  await eventually('connections are refused', () =>
    wireClient(port).then(
      (wire) => {
        wire.destroy();
        return false;
      },
      () => true,
    ),
  );
}

/** Runs a proxy that is to end by itself. @returns its exit status and what it wrote */
async function runToEnd(
  t: TestContext,
  config: string,
  options: ProxyOptions = {},
): Promise<{ status: number | string; output: string; path: string }> {
  const folder = temporaryFolder(t);
  const path = join(folder, 'bootstrap.yaml');
  writeFileSync(path, config);
  const proxy = new RunningProxy(path, join(folder, 'admin'), options);
  t.after(() => proxy.kill());
  return { status: await proxy.exited, output: proxy.output, path };
}

for (const concurrency of [1, 2]) {
  test(`SIGTERM: what is under way is finished and told to close, nothing new is accepted, with ${concurrency} workers`, async (t) => {
    const { proxy, upstream, release } = await withSlowUpstream(t, ['--drain-time-s', '60'], { concurrency });
    const port = await proxy.listenerPort();
    const [idle, busy, fresh] = [await proxy.connect(), await proxy.connect(), await proxy.connect()];
    assert.equal((await asked(idle)).header('connection'), undefined);
    await busy.send(SLOW);
    await eventually('the upstream has both requests', () => upstream.requests.length === 2);
    proxy.signal('SIGTERM');
    await refuses(port);
    await idle.closed();
    await fresh.closed();
    release();
    const last = await busy.response();
    assert.equal(last.body, 'hello');
    assert.equal(last.header('connection'), 'close');
    assert.equal(await busy.closed(), 'end');
    assert.equal(await proxy.exited, 0);
  });
}

test('SIGTERM: what is not done by the end of the drain time is cut off', async (t) => {
  const { proxy, upstream } = await withSlowUpstream(t, ['--drain-time-s', '1']);
  const busy = await proxy.connect();
  await busy.send(SLOW);
  await eventually('the upstream has the request', () => upstream.requests.length === 1);
  proxy.signal('SIGTERM');
  busy.patience = 30_000;
  await busy.closed();
  assert.equal(busy.received, '');
  assert.equal(await proxy.exited, 0);
});

test('a second SIGTERM ends the process at once', async (t) => {
  const { proxy, upstream } = await withSlowUpstream(t, ['--drain-time-s', '600']);
  const busy = await proxy.connect();
  await busy.send(SLOW);
  await eventually('the upstream has the request', () => upstream.requests.length === 1);
  proxy.signal('SIGTERM');
  await refuses(await proxy.listenerPort());
  proxy.signal('SIGTERM');
  assert.equal(await proxy.exited, 0);
  await busy.closed();
});

test('SIGINT ends an idle proxy', async (t) => {
  const proxy = await startDirect(t);
  proxy.signal('SIGINT');
  assert.equal(await proxy.exited, 0);
});

test('SIGHUP changes nothing', async (t) => {
  const proxy = await startDirect(t);
  const wire = await proxy.connect();
  proxy.signal('SIGHUP');
  assert.equal((await asked(wire)).header('connection'), undefined);
  assert.match((await proxy.get('/ready')).body, /^LIVE/);
});

for (const concurrency of [1, 2]) {
  test(`SIGUSR1 opens the log of --log-path again, with ${concurrency} workers`, async (t) => {
    const log = join(temporaryFolder(t), 'proxy.log');
    const proxy = await startDirect(t, { args: ['--log-path', log], logLevel: 'info', concurrency });
    assert.match(readFileSync(log, 'utf8'), /starting workers/);
    renameSync(log, `${log}.1`);
    proxy.signal('SIGUSR1');
    await eventually('the file is there again', () => readIfThere(log) !== undefined);
    proxy.signal('SIGTERM');
    assert.equal(await proxy.exited, 0);
    assert.match(readFileSync(log, 'utf8'), /exiting/);
    assert.doesNotMatch(readFileSync(`${log}.1`, 'utf8'), /exiting/);
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

test('/drain_listeners stops listeners at once and keeps connections', async (t) => {
  const proxy = await startDirect(t);
  const port = await proxy.listenerPort();
  const wire = await proxy.connect();
  assert.deepEqual(await proxy.admin.post('/drain_listeners'), { status: 200, body: 'OK\n' });
  await refuses(port);
  assert.equal((await asked(wire)).status, 200);
  assert.equal(await proxy.stat('listener_manager.listener_stopped'), 1);
});

test('/drain_listeners?inboundonly stops inbound listeners alone', async (t) => {
  const inbound = httpListener({ name: 'inbound', manager: DIRECT, listener: { traffic_direction: 'INBOUND' } });
  const proxy = await startDirect(t, {}, inbound);
  const [port, other] = [await proxy.listenerPort('inbound'), await proxy.listenerPort('in')];
  await proxy.admin.post('/drain_listeners?inboundonly');
  await refuses(port);
  const wire = await wireClient(other);
  assert.equal((await asked(wire)).status, 200);
  assert.equal(await proxy.stat('listener_manager.listener_stopped'), 1);
});

test('/drain_listeners?graceful asks connections to go, and stops listeners after the drain time', async (t) => {
  const proxy = await startDirect(t, { args: ['--drain-time-s', '1', '--drain-strategy', 'immediate'] });
  const port = await proxy.listenerPort();
  await proxy.admin.post('/drain_listeners?graceful');
  const wire = await proxy.connect();
  const last = await asked(wire);
  assert.deepEqual([last.status, last.header('connection')], [200, 'close']);
  await refuses(port);
  assert.match((await proxy.get('/server_info')).body, /"state"/);
});

test('/drain_listeners?graceful&skip_exit asks connections to go, and goes on listening', async (t) => {
  const proxy = await startDirect(t, { args: ['--drain-time-s', '0', '--drain-strategy', 'immediate'] });
  await proxy.admin.post('/drain_listeners?graceful&skip_exit');
  for (let i = 0; i < 3; i++) {
    const wire = await proxy.connect();
    assert.equal((await asked(wire)).header('connection'), 'close');
    await wire.closed();
  }
});

test('/quitquitquit ends the process, whatever is under way', async (t) => {
  const { proxy, upstream } = await withSlowUpstream(t, ['--drain-time-s', '600']);
  const busy = await proxy.connect();
  await busy.send(SLOW);
  await eventually('the upstream has the request', () => upstream.requests.length === 1);
  assert.deepEqual(await proxy.admin.post('/quitquitquit'), { status: 200, body: 'OK\n' });
  assert.equal(await proxy.exited, 0);
  await busy.closed();
});

test('/healthcheck/fail asks connections to go until /healthcheck/ok', async (t) => {
  const modifyOnly = httpListener({
    name: 'modify',
    manager: { ...DIRECT, stat_prefix: 'modify' },
    listener: { drain_type: 'MODIFY_ONLY' },
  });
  const proxy = await startDirect(t, {}, modifyOnly);
  await proxy.admin.post('/healthcheck/fail');
  assert.equal((await proxy.get('/ready')).status, 503);
  assert.equal(await proxy.stat('server.live'), 0);
  assert.equal((await asked(await proxy.connect('in'))).header('connection'), 'close');
  assert.equal((await asked(await proxy.connect('modify'))).header('connection'), undefined);
  await proxy.admin.post('/healthcheck/ok');
  assert.equal((await proxy.get('/ready')).status, 200);
  assert.equal((await asked(await proxy.connect('in'))).header('connection'), undefined);
});

const PLAIN = JSON.stringify(bootstrap([httpListener({ manager: DIRECT })]));

test('--mode validate says that a configuration is good, and binds nothing', async (t) => {
  const { status, output, path } = await runToEnd(t, PLAIN, { args: ['--mode', 'validate'] });
  assert.equal(output, `configuration '${path}' OK\n`);
  assert.equal(status, 0);
});

test('--mode init_only ends once everything is up', async (t) => {
  assert.equal((await runToEnd(t, PLAIN, { args: ['--mode', 'init_only'] })).status, 0);
});

for (const mode of ['validate', 'serve']) {
  test(`a bad bootstrap ends with 1 and every problem, with its place, in mode ${mode}`, async (t) => {
    const config = [
      'static_resources:',
      '  listenrs: []',
      '  clusters:',
      '  - name: c',
      '    connect_timeout: -1s',
      '  - name: ""',
      '    type: STATIK',
    ].join('\n');
    const { status, output } = await runToEnd(t, config, { args: ['--mode', mode] });
    assert.equal(status, 1);
    for (const part of ['listenrs', 'listeners', 'connect_timeout', 'STATIK', 'bootstrap.yaml:2:', 'bootstrap.yaml:5:'])
      assert.ok(output.includes(part), `no ${part} in:\n${output}`);
  });
}

for (const concurrency of [1, 2]) {
  test(`a port that is taken ends the start with 1 and Envoy's words, with ${concurrency} workers`, async (t) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    t.after(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const config = JSON.stringify(bootstrap([httpListener({ port, manager: DIRECT })]));
    const { status, output } = await runToEnd(t, config, { concurrency });
    assert.equal(status, 1);
    assert.match(output, new RegExp(`cannot bind '127\\.0\\.0\\.1:${port}': Address already in use`));
  });
}

test('an admin port that is taken ends the start with 1', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => void taken.close());
  const { port } = taken.address() as { port: number };
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: port } } };
  const { status, output } = await runToEnd(t, JSON.stringify(bootstrap([], [], { admin })));
  assert.equal(status, 1);
  assert.match(output, /Address already in use/);
});

test('a log directory that is not there ends the start with 1', async (t) => {
  const { status, output } = await runToEnd(t, PLAIN, {
    args: ['--log-path', join(temporaryFolder(t), 'none', 'x.log')],
  });
  assert.equal(status, 1);
  assert.match(output, /none\/x\.log/);
});
