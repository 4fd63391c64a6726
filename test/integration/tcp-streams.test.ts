/**
 * Streams through the TCP proxy: no byte is lost, changed or out of order, however it is cut and whoever reads slowly.
 */
import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { bootstrap, downstreamTls, type Json, socketAddress, staticCluster, typed } from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import { plainClient } from '#testing/plain-client.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { Random } from './random.ts';

const MIB = 1 << 20;

function proxied(port: number, chain: Json = {}, listener: Json = {}, cluster: Json = {}): Json {
  const config = typed('extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 't', cluster: 'c' });
  const filters = [{ name: 'envoy.filters.network.tcp_proxy', typed_config: config }];
  const filter_chains = [{ filters, ...chain }];
  return bootstrap(
    [{ name: 'in', address: socketAddress(0), filter_chains, ...listener }],
    [staticCluster('c', [port], { connect_timeout: '60s', ...cluster })],
  );
}

async function upstream(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    t.after(() => void socket.destroy());
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Writes `total` bytes of a pattern that repeats nowhere near, in pieces of all sizes. @returns what they hash to */
async function pour(socket: Socket, total: number, random: Random): Promise<string> {
  const hash = createHash('sha1');
  for (let at = 0; at < total; ) {
    const size = Math.min(total - at, 1 + random.below(random.chance(50) ? 300 : 300_000));
    const piece = Buffer.alloc(size);
    for (let i = 0; i + 4 <= size; i += 4) piece.writeUInt32LE((at + i) >>> 0, i);
    hash.update(piece);
    at += size;
    if (!socket.write(piece)) await once(socket, 'drain');
    else if (random.chance(10)) await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest('hex');
}

/** Reads to the end, with pauses, and leaves the other direction alone. @returns what it hashes to */
function drink(socket: Socket, random: Random): Promise<string> {
  const hash: Hash = createHash('sha1');
  socket.on('data', (piece: Buffer) => {
    hash.update(piece);
    if (!random.chance(5)) return;
    socket.pause();
    setTimeout(() => socket.resume(), random.below(10));
  });
  return new Promise((resolve, reject) => {
    socket.once('end', () => resolve(hash.digest('hex')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before its end')));
  });
}

for (const [name, chain, tls] of [
  ['plain', {}, false],
  ['TLS', downstreamTls(certificate()), true],
] as const) {
  test(`${name}: many streams at once, both ways, with readers that pause, arrive as they were sent`, async (t) => {
    const random = new Random(tls ? 11 : 7);
    const arrived: Promise<[sent: string, got: string]>[] = [];
    const port = await upstream(t, (socket) => {
      const sent = pour(socket, 2 * MIB, random).finally(() => socket.end());
      arrived.push(Promise.all([sent, drink(socket, random)]));
    });
    const proxy = await startProxy(t, proxied(port, chain));
    const address = { port: await proxy.listenerPort(), host: '127.0.0.1', allowHalfOpen: true };
    const clients = Array.from({ length: 6 }, async () => {
      const socket = tls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
      t.after(() => void socket.destroy());
      await once(socket, tls ? 'secureConnect' : 'connect');
      const sent = pour(socket, 2 * MIB, random).finally(() => socket.end());
      return await Promise.all([sent, drink(socket, random)]);
    });
    const ours = await Promise.all(clients);
    const theirs = await Promise.all(arrived);
    assert.deepEqual(ours.map(([sent]) => sent).sort(), theirs.map(([, got]) => got).sort());
    assert.deepEqual(ours.map(([, got]) => got).sort(), theirs.map(([sent]) => sent).sort());
    await proxy.statBecomes('cluster.c.upstream_cx_active', 0);
  });
}

/** One side sends for ever, the other never reads. */
async function stuck(t: TestContext, upstreamSends: boolean): Promise<RunningProxy> {
  const port = await upstream(t, (socket) => {
    if (upstreamSends) socket.write(Buffer.alloc(64 * MIB));
    socket.pause();
  });
  const limits = { per_connection_buffer_limit_bytes: 65_536 };
  const proxy = await startProxy(t, proxied(port, {}, limits, limits));
  const client = plainClient(t, await proxy.listenerPort());
  client.pause();
  await once(client, 'connect');
  if (!upstreamSends) client.write(Buffer.alloc(64 * MIB));
  return proxy;
}

const resident = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

for (const [who, upstreamSends, paused, total] of [
  ['a client', false, 'tcp.t.downstream_flow_control_paused_reading_total', 'tcp.t.downstream_cx_rx_bytes_total'],
  ['an upstream', true, 'cluster.c.upstream_flow_control_paused_reading_total', 'cluster.c.upstream_cx_rx_bytes_total'],
] as const) {
  test(`${who} that sends to somebody who does not read is not read`, async (t) => {
    const proxy = await stuck(t, upstreamSends);
    await proxy.statBecomes(paused, (value) => value > 0);
    let before = -1;
    await eventually('no more is read', async () => {
      const now = await proxy.stat(total);
      const still = now === before;
      before = now;
      await delay(50);
      return still;
    });
    // The kernel's buffers hold a few MiB.
    assert.ok(before < 32 * MIB, `${before} bytes were read`);
    assert.ok(resident(proxy.pid) < 250 * MIB);
  });
}

function certificate(): Json {
  const { cert, key } = signed('localhost');
  return { tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }] };
}
