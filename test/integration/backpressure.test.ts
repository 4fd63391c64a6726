/** Who does not read is not sent to without end: bodies both ways, from and to HTTP/1.1 and HTTP/2. */
import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  createServer as createHttp2,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  bootstrap,
  http2Cluster,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
} from '#testing/bootstrap.ts';
import { startProxy } from '#testing/start-proxy.ts';

const PIECE = Buffer.alloc(64 * 1024, 'x');
const MIB = 1024 * 1024;
/** More than windows, buffers and kernels hold together. */
const SIZE = 48 * MIB;
const MOST = 24 * MIB;
const WINDOWS: Json = { initial_stream_window_size: 65_535, initial_connection_window_size: MIB };

/** Writes up to SIZE bytes as they are taken. @returns how many were written so far */
function pour(into: Writable): { written: number } {
  const poured = { written: 0 };
  const more = (): void => {
    while (poured.written < SIZE) {
      poured.written += PIECE.length;
      if (!into.write(PIECE)) return void into.once('drain', more);
    }
    into.end();
  };
  more();
  return poured;
}

/** @returns how many bytes were written when no more are taken */
async function standstill(poured: { written: number }): Promise<number> {
  for (let last = -1, still = 0; ; await wait(25)) {
    still = poured.written === last ? still + 1 : 0;
    last = poured.written;
    if (still > 8) return last;
  }
}

async function drained(stream: Readable): Promise<number> {
  let received = 0;
  for await (const chunk of stream) received += (chunk as Buffer).length;
  return received;
}

interface Upstream {
  port: number;
  /** The stream of the request: to read it, and to answer by. */
  taken: Promise<{ body: Readable; answer: Writable }>;
}

async function startUpstream(t: TestContext, http2: boolean): Promise<Upstream> {
  const { promise, resolve } = Promise.withResolvers<{ body: Readable; answer: Writable }>();
  const server = http2 ? createHttp2({ settings: { initialWindowSize: 65_535 } }) : createServer();
  if (http2) {
    server.on('stream', (stream: Duplex & { respond(): void }) => {
      stream.respond();
      stream.on('error', () => {});
      resolve({ body: stream, answer: stream });
    });
  } else server.on('request', (incoming, response) => resolve({ body: incoming, answer: response }));
  await new Promise<void>((done) => (server as Server).listen(0, '127.0.0.1', done));
  t.after(() => void server.close());
  return { port: (server.address() as AddressInfo).port, taken: promise };
}

interface Client {
  body: Writable;
  answer: Promise<Readable>;
}

function startClient(t: TestContext, http2: boolean, port: number): Client {
  if (!http2) {
    const body = request({ port, host: '127.0.0.1', method: 'POST', path: '/' });
    body.flushHeaders();
    body.on('error', () => {});
    t.after(() => void body.destroy());
    return { body, answer: new Promise((resolve) => body.on('response', (response) => resolve(response))) };
  }
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  const stream: ClientHttp2Stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
  stream.on('error', () => {});
  return { body: stream, answer: new Promise((resolve) => stream.on('response', () => resolve(stream))) };
}

for (const [from, to] of [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
]) {
  const version = (http2: boolean): string => (http2 ? 'HTTP/2' : 'HTTP/1.1');
  test(`from ${version(from)} to ${version(to)} a body waits for its reader, both ways`, async (t) => {
    const upstream = await startUpstream(t, to);
    const options = { http2_protocol_options: WINDOWS };
    const manager = { ...routeConfig([routeTo('/', 'c', { timeout: '0s' })]), ...options };
    const cluster = to ? http2Cluster('c', [upstream.port], WINDOWS) : staticCluster('c', [upstream.port]);
    const proxy = await startProxy(t, bootstrap([httpListener({ manager })], [cluster]));
    const client = startClient(t, from, await proxy.listenerPort());
    const up = pour(client.body);
    const { body, answer } = await upstream.taken;
    assert.ok((await standstill(up)) < MOST, `${up.written} bytes were taken of the request`);
    assert.equal(await drained(body), SIZE);
    const down = pour(answer);
    const response = await client.answer;
    assert.ok((await standstill(down)) < MOST, `${down.written} bytes were taken of the response`);
    assert.equal(await drained(response), SIZE);
    assert.ok((await proxy.stat('cluster.c.upstream_flow_control_backed_up_total')) > 0);
    assert.ok((await proxy.stat('cluster.c.upstream_flow_control_paused_reading_total')) > 0);
  });
}
