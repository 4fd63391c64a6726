/**
 * Traffic while everything around the proxy fails: upstreams die and return, certificates change on disk, the log's disk is full, clients
 * are slow. No crash, no wrong answer, no leak.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  downstreamTls,
  fileAccessLog,
  httpListener,
  oneCluster,
  routeConfig,
  routeTo,
  staticCluster,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import { plainClient } from '#testing/plain-client.ts';
import { RequestLoad } from '#testing/request-load.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { type Behaviour, startUpstream, type Upstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

/** Generous: the machine may be busy. */
const PATIENCE = 120_000;
/** Of answered requests, in each third of the traffic. */
const A_THIRD = 34_000;
const COUNTS_HEAP = { NODE_OPTIONS: `--import=${new URL('../../testing/heap-on-signal.ts', import.meta.url)}` };

/** @returns the bytes that live in the proxy after a garbage collection. */
async function liveBytes(proxy: RunningProxy): Promise<number> {
  const from = proxy.output.length;
  proxy.signal('SIGUSR2');
  const found = await eventually(
    'the proxy says what lives',
    () => /live bytes: (\d+)\n/.exec(proxy.output.slice(from))?.[1],
  );
  return Number(found);
}

/** What the upstreams answer: no two targets have the same body, and many do not fit one packet. */
function bodyFor(target: string): string {
  const n = Number(target.slice(1));
  return `${target} `.repeat(1 + ((n * 7919) % (n % 50 === 0 ? 20_000 : 40)));
}

const answerByTarget: Behaviour = async (exchange) => {
  if ((await exchange.whole()) === undefined) return;
  const body = bodyFor(exchange.target);
  await exchange.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
};

/** A 200 has its own target's body; a failure is one that the proxy has a word for. */
function wrongAnswer(head: string, body: string, target: string): string | undefined {
  if (head.startsWith('HTTP/1.1 200 '))
    return body === bodyFor(target) ? undefined : `the body is ${JSON.stringify(body.slice(0, 100))}`;
  if (!head.startsWith('HTTP/1.1 503 ')) return head;
  return /^(upstream connect error|no healthy upstream)/.test(body) ? undefined : `503 with ${body}`;
}

/** Stops and starts one upstream after the other. @returns what ends it */
function upset(upstreams: Upstream[], meanwhile: () => void): () => Promise<void> {
  let ended = false;
  const run = async (): Promise<void> => {
    for (let n = 0; !ended; n++) {
      const upstream = upstreams[n % upstreams.length];
      await new Promise((resolve) => setTimeout(resolve, 40));
      if (n % 3 === 0) upstream.resetAll();
      else if (n % 3 === 1) upstream.endAll();
      else {
        await upstream.stop();
        await new Promise((resolve) => setTimeout(resolve, 40));
        await upstream.listen();
      }
      // What was received is of no more use, and would fill the memory.
      for (const { requests } of upstreams) requests.length = 0;
      meanwhile();
    }
  };
  const running = run();
  return async () => {
    ended = true;
    await running;
  };
}

test('upstreams die and return, certificates change, the disk is full: no wrong answer, no leak', async (t) => {
  const upstreams = await Promise.all([1, 2, 3].map(() => startUpstream(t, answerByTarget)));
  const folder = temporaryFolder(t);
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const certificates = [signed('one.test'), signed('two.test')];
  const rotate = (n: number): void => {
    writeFileSync(cert, n % 3 === 2 ? 'half a certificate' : certificates[n % 3].cert);
    writeFileSync(key, n % 3 === 2 ? '' : certificates[n % 3].key);
  };
  rotate(0);
  const retry = { retry_policy: { retry_on: 'connect-failure,reset-before-request,refused-stream', num_retries: 1 } };
  const manager = {
    ...routeConfig([routeTo('/', 'c', retry)]),
    access_log: [fileAccessLog('/dev/full', '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS%')],
  };
  const tls = downstreamTls({
    tls_certificates: [{ certificate_chain: { filename: cert }, private_key: { filename: key } }],
  });
  const listeners = [httpListener({ manager }), httpListener({ name: 'tls', manager, chain: tls })];
  const config = bootstrap(listeners, [
    staticCluster(
      'c',
      upstreams.map(({ port }) => port),
    ),
  ]);
  const proxy = await startProxy(t, config, { env: COUNTS_HEAP });
  const [plain, secure] = [await proxy.listenerPort('in'), await proxy.listenerPort('tls')];
  let rotations = 0;
  const calm = upset(upstreams, () => rotate(++rotations));
  t.after(calm);
  const lived: number[] = [];
  let completed = 0;
  for (let third = 0; third < 3; third++) {
    const options = { check: wrongAnswer, mayBreak: true, target: (n: number) => `/${n + completed}` };
    const overTls = (): Socket => connectTls({ port: secure, host: '127.0.0.1', rejectUnauthorized: false });
    const loads = [
      new RequestLoad({ port: plain, host: '127.0.0.1' }, { ...options, users: 8 }),
      new RequestLoad({ port: plain, host: '127.0.0.1' }, { ...options, users: 2, keepAlive: false }),
      new RequestLoad({ port: secure }, { ...options, users: 4, connect: overTls }),
      new RequestLoad({ port: secure }, { ...options, users: 1, keepAlive: false, connect: overTls }),
    ];
    t.after(() => Promise.all(loads.map((load) => load.stop())).then(() => {}));
    const done = (): number => loads.reduce((sum, load) => sum + load.completed, 0);
    await eventually(
      'the traffic',
      () => done() >= A_THIRD || loads.some((load) => load.failures.length > 0),
      PATIENCE,
    );
    await Promise.all(loads.map((load) => load.stop()));
    assert.deepEqual(
      loads.flatMap((load) => load.failures),
      [],
    );
    for (const [i, load] of loads.entries()) assert.ok(load.completed > 0, `load ${i} completed nothing`);
    completed += done();
    await proxy.statBecomes('http.in.downstream_cx_active', 0);
    lived.push(await liveBytes(proxy));
  }
  await calm();
  t.diagnostic(`${completed} requests, ${rotations} upsets; lived: ${lived}`);
  assert.ok(lived[2] <= lived[0] * 1.05, `live bytes after each third: ${lived}`);
  const wire = await proxy.connect('in');
  for (let n = 0; n < 6; n++) {
    await wire.send(`GET /${n} HTTP/1.1\r\nhost: example.test\r\n\r\n`);
    const response = await wire.response();
    assert.equal(wrongAnswer(response.head, response.body, `/${n}`), undefined);
  }
  const stats = await proxy.stats();
  assert.equal(stats['server.envoy_bug_failures'], 0);
  assert.equal(stats['http.in.downstream_rq_active'], 0);
  assert.equal(stats['cluster.c.upstream_rq_active'], 0);
  assert.equal(stats['cluster.c.upstream_rq_pending_active'], 0);
  assert.ok(stats['cluster.c.upstream_cx_active'] < 60);
  assert.equal(proxy.output.replaceAll(/^live bytes: \d+\n/gm, ''), '');
});

const MIB = 1 << 20;
const LIMIT = 65_536;
const SLOW_ONES = 12;
/** What one stalled stream may hold: its limit, and the pieces of 256 KiB in which large bodies are read. Far less than a body. */
const HELD = LIMIT + 4 * 262_144;
/** What the pool of such pieces keeps for later, and code that has been compiled meanwhile. */
const KEPT = 12 * MIB;

test('clients that do not read hold no more than their buffers', async (t) => {
  const body = Buffer.alloc(16 * MIB, 'fairlead');
  const upstream = await startUpstream(t, async (exchange) => {
    await exchange.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
    await exchange.write(body);
  });
  const config = bootstrap(
    [httpListener({ listener: { per_connection_buffer_limit_bytes: LIMIT } })],
    [staticCluster('c', [upstream.port], { per_connection_buffer_limit_bytes: LIMIT })],
  );
  const proxy = await startProxy(t, config, { env: COUNTS_HEAP });
  const before = await liveBytes(proxy);
  const port = await proxy.listenerPort();
  const clients = await Promise.all(
    Array.from({ length: SLOW_ONES }, async () => {
      const socket = plainClient(t, port);
      socket.pause();
      await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
      socket.write('GET / HTTP/1.1\r\nhost: example.test\r\nconnection: close\r\n\r\n');
      return socket;
    }),
  );
  await proxy.statBecomes(
    'cluster.c.upstream_flow_control_paused_reading_total',
    (count) => count >= SLOW_ONES,
    PATIENCE,
  );
  const held = (await liveBytes(proxy)) - before;
  t.diagnostic(`held: ${held} bytes for ${SLOW_ONES} clients`);
  assert.ok(held < SLOW_ONES * HELD, `${held} bytes are held for ${SLOW_ONES} clients`);
  await Promise.all(
    clients.map(async (socket) => {
      const pieces: Buffer[] = [];
      for await (const piece of socket) pieces.push(piece as Buffer);
      const all = Buffer.concat(pieces);
      assert.ok(all.subarray(all.indexOf('\r\n\r\n') + 4).equals(body), 'the body is whole');
    }),
  );
  await proxy.statBecomes('http.in.downstream_cx_active', 0);
  assert.ok((await liveBytes(proxy)) - before < KEPT, 'the buffers are gone');
});

test('upstreams that do not read hold no more than their buffers', async (t) => {
  const stalled: Socket[] = [];
  const server = createServer((socket) => {
    socket.pause();
    stalled.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of stalled) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const config = bootstrap(
    [httpListener({ listener: { per_connection_buffer_limit_bytes: LIMIT } })],
    [staticCluster('c', [port], { per_connection_buffer_limit_bytes: LIMIT })],
  );
  const proxy = await startProxy(t, config, { env: COUNTS_HEAP });
  const before = await liveBytes(proxy);
  const body = Buffer.alloc(16 * MIB, 'fairlead');
  const wires = await Promise.all(Array.from({ length: SLOW_ONES }, () => proxy.connect()));
  const sent = wires.map((wire) => {
    t.after(() => wire.destroy());
    return wire
      .send(`POST / HTTP/1.1\r\nhost: example.test\r\ncontent-length: ${body.length}\r\n\r\n`)
      .then(() => wire.send(body));
  });
  await proxy.statBecomes(
    'http.in.downstream_flow_control_paused_reading_total',
    (count) => count >= SLOW_ONES,
    PATIENCE,
  );
  const held = (await liveBytes(proxy)) - before;
  t.diagnostic(`held: ${held} bytes for ${SLOW_ONES} clients`);
  assert.ok(held < SLOW_ONES * HELD, `${held} bytes are held for ${SLOW_ONES} upstreams`);
  await Promise.all(
    stalled.map(async (socket) => {
      let size = 0;
      for await (const piece of socket) {
        size += (piece as Buffer).length;
        if (size >= body.length) break;
      }
    }),
  );
  await Promise.all(sent);
});

test('clients that are too slow to send are timed out, and keep nobody else from being served', async (t) => {
  const upstream = await startUpstream(t, answer('hello'));
  const timeouts = { request_headers_timeout: '1s', stream_idle_timeout: '1s' };
  const proxy = await startProxy(t, oneCluster(upstream.port, { ...timeouts, delayed_close_timeout: '0.1s' }));
  const load = new RequestLoad({ port: await proxy.listenerPort(), host: '127.0.0.1' }, {});
  t.after(() => load.stop());
  const stall = async (bytes: string): Promise<[number, string]> => {
    const wire = await proxy.connect(undefined, { patience: PATIENCE });
    await wire.send(bytes);
    const { status } = await wire.response();
    return [status, await wire.closed()];
  };
  const head = 'POST / HTTP/1.1\r\nhost: example.test\r\n';
  const stalls = [
    'POST / HT',
    head,
    `${head}content-length: 100\r\n\r\nabc`,
    `${head}transfer-encoding: chunked\r\n\r\n3\r\nab`,
  ];
  const ends = await Promise.all(stalls.flatMap((bytes) => Array.from({ length: 10 }, () => stall(bytes))));
  for (const [status] of ends) assert.equal(status, 408);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.completed > 0);
  await proxy.statBecomes('http.in.downstream_cx_active', 0);
  await proxy.statBecomes('http.in.downstream_rq_active', 0);
});
