/**
 * HTTP/2 with clients that we did not write (node:http2, curl) and with ones that do not behave: large bodies, back-pressure both ways, ALPN,
 * drain, keepalive.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { bootstrap, downstreamTls, httpListener, type Json, staticCluster } from '#testing/bootstrap.ts';
import { certificate } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import { ACK, HEADERS, Http2Wire, PING } from '#testing/http2-wire.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';

const MEGABYTE = 1024 * 1024;

async function upstreamOf(t: TestContext, serve: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function clientOf(t: TestContext, proxy: RunningProxy): Promise<ClientHttp2Session> {
  // This client counts what waits to be sent as memory, and opens no stream above its limit.
  const client = connect(`http://127.0.0.1:${await proxy.listenerPort()}`, { maxSessionMemory: 1000 });
  client.on('error', () => {});
  t.after(() => client.destroy());
  return client;
}

const oneUpstream = (port: number, manager: Json = {}, more: Json = {}) =>
  bootstrap([httpListener({ manager, ...more })], [staticCluster('c', [port])]);

async function bodyOf(stream: ClientHttp2Stream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('large bodies on many streams at once come back as they were sent', async (t) => {
  const port = await upstreamOf(t, (request, response) => void request.pipe(response));
  const client = await clientOf(t, await startProxy(t, oneUpstream(port)));
  await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const body = randomBytes(i * MEGABYTE + i);
      const stream = client.request({ ':method': 'POST', ':path': `/${i}` });
      stream.end(body);
      assert.equal(sha(await bodyOf(stream)), sha(body));
    }),
  );
});

/** What a number is once it stands still. */
async function settled(read: () => number): Promise<number> {
  let [last, still] = [-1, 0];
  await eventually('it stands still', async () => {
    still = read() === last ? still + 1 : 0;
    last = read();
    return still > 15;
  });
  return last;
}

test('an upstream is held back by a stream that is not read, and other streams go on', async (t) => {
  const LENGTH = 64 * MEGABYTE;
  let sender: Socket | undefined;
  const port = await upstreamOf(t, (request, response) => {
    if (request.url !== '/large') return void response.end('small');
    sender = response.socket ?? undefined;
    for (let i = 0; i < LENGTH / MEGABYTE; i++) response.write(Buffer.alloc(MEGABYTE, 'x'));
    response.end();
  });
  const client = await clientOf(t, await startProxy(t, oneUpstream(port)));
  const large = client.request({ ':path': '/large' });
  large.pause();
  const from = await eventually('the upstream sends', () => sender);
  const sent = await settled(() => from.bytesWritten - from.writableLength);
  assert.ok(sent < LENGTH / 4, `${sent} bytes were taken`);
  assert.equal((await bodyOf(client.request({ ':path': '/small' }))).latin1Slice(), 'small');
  assert.equal((await bodyOf(large)).length, LENGTH);
});

test('a client is held back by an upstream that does not read, and other streams go on', async (t) => {
  const LENGTH = 64 * MEGABYTE;
  let held: IncomingMessage | undefined;
  const port = await upstreamOf(t, (request, response) => {
    if (request.url !== '/large') return void response.end('small');
    held = request;
    let received = 0;
    request.on('data', (bytes: Buffer) => (received += bytes.length));
    request.pause();
    request.on('end', () => response.end(String(received)));
  });
  const proxy = await startProxy(t, oneUpstream(port));
  const client = await clientOf(t, proxy);
  const large = client.request({ ':path': '/large', ':method': 'POST' });
  large.end(Buffer.alloc(LENGTH, 'y'));
  const holding = await eventually('the upstream has the request', () => held);
  // One window of the stream (16 MiB), what the buffers before the upstream hold, and what the kernel does.
  const sent = await settled(() => client.socket.bytesWritten);
  assert.ok(sent < LENGTH / 2, `${sent} bytes were taken`);
  assert.equal((await bodyOf(client.request({ ':path': '/small' }))).latin1Slice(), 'small');
  holding.resume();
  assert.equal((await bodyOf(large)).latin1Slice(), String(LENGTH));
});

test('over TLS the protocol is the one that ALPN chose', async (t) => {
  const port = await upstreamOf(t, (_request, response) => void response.end('ok'));
  const { cert, key } = certificate({ commonName: 'localhost', names: ['DNS:localhost'] });
  const chain = downstreamTls({
    tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
    alpn_protocols: ['h2', 'http/1.1'],
  });
  const proxy = await startProxy(t, oneUpstream(port, {}, { chain }));
  const url = `https://127.0.0.1:${await proxy.listenerPort()}/`;
  const curl = async (...flags: string[]) => {
    const form = ['-sk', '-o', '/dev/null', '-w', '%{http_version} %{response_code}'];
    return (await promisify(execFile)('curl', [...form, ...flags, url])).stdout;
  };
  assert.equal(await curl('--http2'), '2 200');
  assert.equal(await curl('--http1.1'), '1.1 200');
  assert.equal(await curl('--no-alpn'), '1.1 200');
  const stats = await proxy.stats();
  assert.equal(stats['http.in.downstream_cx_http2_total'], 1);
  assert.equal(stats['http.in.downstream_cx_http1_total'], 2);
});

test('a listener that drains says so by GOAWAY, and what is under way is answered', async (t) => {
  const asked = Promise.withResolvers<() => void>();
  const port = await upstreamOf(t, (_request, response) => asked.resolve(() => response.end('late')));
  const proxy = await startProxy(t, oneUpstream(port, { drain_timeout: '0.2s' }), {
    args: ['--drain-strategy', 'immediate'],
  });
  const client = await clientOf(t, proxy);
  const goaways: number[] = [];
  client.on('goaway', (_code, last) => goaways.push(last ?? -1));
  const stream = client.request({ ':path': '/' });
  const answerIt = await asked.promise;
  await proxy.admin.post('/drain_listeners?graceful');
  answerIt();
  assert.equal((await bodyOf(stream)).latin1Slice(), 'late');
  await once(client, 'close');
  // A client that obeys does not wait for the second one, which names its last stream.
  assert.equal(goaways[0], 2 ** 31 - 1);
  assert.equal((await proxy.stats())['http.in.downstream_cx_drain_close'], 1);
});

test('a header block that does not become whole in time costs the connection', async (t) => {
  const port = await upstreamOf(t, (_request, response) => void response.end('ok'));
  const proxy = await startProxy(t, oneUpstream(port, { request_headers_timeout: '0.2s' }));
  const slow = await new Http2Wire(await proxy.connect()).start();
  await slow.frame(HEADERS, 0, 1, slow.encode([[':method', 'GET']]));
  assert.ok(await slow.saw(/GOAWAY 0 last=0 EnhanceYourCalm/));
  assert.notEqual(await slow.closed(), 'open');
  assert.equal((await proxy.stats())['http.in.downstream_rq_header_timeout'], 1);
});

test('a client that does not answer PING is cut off; one that does stays', async (t) => {
  const manager = { http2_protocol_options: { connection_keepalive: { interval: '0.1s', timeout: '0.15s' } } };
  const port = await upstreamOf(t, (_request, response) => void response.end('ok'));
  const proxy = await startProxy(t, oneUpstream(port, manager));
  const good = await clientOf(t, proxy);
  assert.equal((await bodyOf(good.request({ ':path': '/' }))).latin1Slice(), 'ok');
  const deaf = await new Http2Wire(await proxy.connect()).start();
  await deaf.answer(await deaf.request());
  assert.ok(await deaf.saw(/^PING 0$/));
  await deaf.frame(PING, ACK, 0, '\0\0\0\0\0\0\0\0');
  assert.notEqual(await deaf.closed(), 'open');
  assert.equal((await proxy.stats())['http2.keepalive_timeout'], 1);
  assert.equal((await bodyOf(good.request({ ':path': '/' }))).latin1Slice(), 'ok');
});
