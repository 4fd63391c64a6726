/** WebSocket through a whole proxy, with the client that Node brings: messages of every size pass unchanged, and nothing is kept. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { oneCluster } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { plainClient } from '#testing/plain-client.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { websocketEcho } from '#testing/websocket-upstream.ts';

async function start(t: TestContext, manager = {}): Promise<RunningProxy> {
  const upstream = await startUpstream(t, websocketEcho);
  return startProxy(t, oneCluster(upstream.port, { upgrade_configs: [{ upgrade_type: 'websocket' }], ...manager }));
}

async function open(proxy: RunningProxy): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${await proxy.listenerPort()}/chat`);
  socket.binaryType = 'arraybuffer';
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('the WebSocket did not open')), { once: true });
  });
  return socket;
}

function nextMessage(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.addEventListener('message', (event) => resolve(event.data), { once: true });
    socket.addEventListener('close', () => reject(new Error('the WebSocket closed')), { once: true });
  });
}

test('messages from one byte to some megabytes come back as they were sent', async (t) => {
  const proxy = await start(t);
  const socket = await open(proxy);
  for (const size of [1, 125, 126, 65_535, 65_536, 300_000, 3_000_000]) {
    const sent = Buffer.alloc(size, `${size}-`);
    const back = nextMessage(socket);
    socket.send(sent);
    assert.ok(sent.equals(Buffer.from((await back) as ArrayBuffer)), `a message of ${size} bytes`);
  }
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener('close', resolve, { once: true }));
  socket.close(1000, 'done');
  assert.equal((await closed).code, 1000);
});

test('many tunnels at once are counted while they last, and gone from the gauges after', async (t) => {
  const proxy = await start(t);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open(proxy)));
  const answers = sockets.map(nextMessage);
  for (const [i, socket] of sockets.entries()) socket.send(`tunnel ${i}`);
  assert.deepEqual(
    await Promise.all(answers),
    sockets.map((_, i) => `tunnel ${i}`),
  );
  const during = await proxy.stats();
  assert.equal(during['http.in.downstream_cx_upgrades_active'], 20);
  assert.equal(during['cluster.c.upstream_cx_active'], 20);
  for (const socket of sockets) socket.close();
  await eventually('all tunnels are gone', async () => {
    const after = await proxy.stats();
    const gauges = [
      'http.in.downstream_cx_upgrades_active',
      'http.in.downstream_cx_active',
      'cluster.c.upstream_cx_active',
    ];
    return gauges.every((name) => after[name] === 0);
  });
  assert.equal((await proxy.stats())['http.in.downstream_cx_upgrades_total'], 20);
});

test('without upgrade_configs a WebSocket does not open', async (t) => {
  const proxy = await start(t, { upgrade_configs: [] });
  await assert.rejects(open(proxy), /did not open/);
  assert.equal((await proxy.stats())['http.in.downstream_rq_ws_on_non_ws_route'], 1);
});

const MEGABYTE = 1024 * 1024;
/** More than what kernels and proxy hold between two ends of which one does not read. */
const FLOOD = 64;
const UPGRADE = 'GET /flood HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';

/** Bytes that a socket has handed to the kernel. */
const sent = (socket: Socket): number => socket.bytesWritten - socket.writableLength;

/** Waits until no more is sent. @returns how much it was */
async function settled(socket: Socket): Promise<number> {
  let last = -1;
  let still = 0;
  await eventually('the sender is held back', async () => {
    still = sent(socket) === last ? still + 1 : 0;
    last = sent(socket);
    return still > 10;
  });
  return last;
}

function flood(socket: Socket): void {
  for (let i = 0; i < FLOOD; i++) socket.write(Buffer.alloc(MEGABYTE, 'x'));
}

test('an upstream is held back by a client that does not read, and nothing is lost', async (t) => {
  let far: Socket | undefined;
  const upstream = await startUpstream(t, async (exchange) => {
    far = exchange.socket;
    await exchange.write(AGREED);
    flood(exchange.socket);
    await exchange.gone;
  });
  const proxy = await startProxy(t, oneCluster(upstream.port, { upgrade_configs: [{ upgrade_type: 'websocket' }] }));
  const near = plainClient(t, await proxy.listenerPort()).pause();
  near.write(UPGRADE);
  const from = await eventually('the upstream sends', () => far);
  assert.ok((await settled(from)) < (FLOOD * MEGABYTE) / 2);
  let received = 0;
  near.on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  near.resume();
  await eventually('all of it arrives', () => received > FLOOD * MEGABYTE);
});

test('a client is held back by an upstream that does not read, and nothing is lost', async (t) => {
  let far: Socket | undefined;
  const upstream = await startUpstream(t, async (exchange) => {
    exchange.socket.removeAllListeners('data').pause();
    far = exchange.socket;
    await exchange.write(AGREED);
    await exchange.gone;
  });
  const proxy = await startProxy(t, oneCluster(upstream.port, { upgrade_configs: [{ upgrade_type: 'websocket' }] }));
  const near = plainClient(t, await proxy.listenerPort());
  near.write(UPGRADE);
  await once(near, 'data');
  flood(near);
  assert.ok((await settled(near)) < (FLOOD * MEGABYTE) / 2);
  let received = 0;
  (far as Socket).on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  (far as Socket).resume();
  await eventually('all of it arrives', () => received === FLOOD * MEGABYTE);
});
