import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Timers } from '#base/timers.ts';
import type { DownstreamTls } from '#config/model/tls.ts';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { DownstreamTlsAcceptor } from '#proxy/listeners/downstream-tls-acceptor.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import { onAccept } from '#proxy/transport/accepted-handles.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, onHandle, own } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { downstreamTlsOf, shownCertificate, validationOf } from '#testing/tls-settings.ts';

const server = signed('server.test');
const client = signed('client', ['URI:spiffe://mesh/client']);
const SECRET = Buffer.alloc(32, 7);

interface Listener {
  port: number;
  scope: PlainScope;
  /** Settles with each connection's outcome. */
  next(): Promise<{ connection: DownstreamConnection; secure: OwnedSocket | undefined }>;
  /** Settles when the first connection is being shaken hands with. */
  begun: Promise<unknown>;
  /** Fires what waits for time. */
  expire(): void;
}

/** Echoes what comes over TLS. */
async function listener(t: TestContext, settings: Partial<DownstreamTls>, connectTimeout = 0): Promise<Listener> {
  const scope = new PlainScope();
  const scheduled: (() => void)[] = [];
  let now = 0;
  const timers = new Timers({ ...clock, now: () => now } as never, (_delay, fire) => {
    scheduled.push(fire);
    return () => {};
  });
  const worker = { scope, timers, ticketSecret: SECRET, secrets: new WorkerSecrets() } as unknown as WorkerContext;
  const parts = { worker, listenerScope: 'listener.test' } as FilterChainParts;
  const tls = downstreamTlsOf({ certificates: [shownCertificate(server)], ...settings });
  const acceptor = new DownstreamTlsAcceptor(tls, parts, connectTimeout);
  const waiting: ((outcome: { connection: DownstreamConnection; secure: OwnedSocket | undefined }) => void)[] = [];
  const begun = Promise.withResolvers<void>();
  const listening = createServer().listen(0, '127.0.0.1');
  t.after(() => void listening.close());
  await once(listening, 'listening');
  onAccept(listening, (handle) => {
    const connection = new DownstreamConnection();
    acceptor.accept(onHandle(handle), undefined, connection, worker, (secure) => {
      if (secure !== undefined) echo(secure);
      waiting.shift()?.({ connection, secure });
    });
    begun.resolve();
  });
  return {
    begun: begun.promise,
    port: (listening.address() as AddressInfo).port,
    scope,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    expire() {
      now += connectTimeout + 1;
      for (const fire of scheduled.splice(0)) fire();
    },
  };
}

function echo(socket: OwnedSocket): void {
  const owner = {
    onRead: (count: number, bytes: Buffer) => void socket.write(Buffer.from(bytes.subarray(0, count))),
    onEnd: () => void socket.end(),
    onDrain: () => {},
    onClose: () => {},
  };
  own(socket, owner, false);
}

function dial(t: TestContext, port: number, options: ConnectionOptions = {}): TLSSocket {
  const socket = connect({ port, host: '127.0.0.1', ca: testAuthority().cert, servername: 'server.test', ...options });
  socket.on('error', () => {});
  t.after(() => void socket.destroy());
  return socket;
}

async function said(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  let heard = '';
  while (heard.length < text.length) heard += String((await once(socket, 'data'))[0]);
  return heard;
}

test('bytes go both ways once the handshake is done, and the connection knows its TLS', async (t) => {
  const { port, scope, next } = await listener(t, { alpnProtocols: ['http/1.1'] });
  const outcome = next();
  const socket = dial(t, port, { ALPNProtocols: ['http/1.1'] });
  assert.equal(await said(socket, 'first'), 'first');
  const large = 'x'.repeat(300_000);
  assert.equal(await said(socket, large), large);
  const { connection } = await outcome;
  assert.deepEqual(
    [connection.tls?.serverName, connection.tls?.version, connection.tls?.alpn, connection.tls?.presented],
    ['server.test', 'TLSv1.3', 'http/1.1', false],
  );
  assert.ok(connection.tlsCompleteMark >= 0);
  assert.equal(scope.value('listener.test.ssl.handshake'), 1);
  assert.equal(scope.value('listener.test.ssl.no_certificate'), 1);
});

test('a client without the certificate that is required gets no further, and the connection knows why', async (t) => {
  const settings = { requireClientCertificate: true, validation: validationOf({ ca: testAuthority() }) };
  const { port, scope, next } = await listener(t, settings);
  const refused = next();
  dial(t, port);
  const { connection, secure } = await refused;
  assert.equal(secure, undefined);
  assert.match(connection.transportFailureReason, /PEER_DID_NOT_RETURN_A_CERTIFICATE/);
  assert.equal(scope.value('listener.test.ssl.fail_verify_no_cert'), 1);
  const welcome = next();
  const socket = dial(t, port, { cert: client.cert, key: client.key });
  assert.equal(await said(socket, 'hello'), 'hello');
  const { tls } = (await welcome).connection;
  assert.deepEqual([tls?.presented, tls?.validated, tls?.peer.uriSans], [true, true, ['spiffe://mesh/client']]);
});

test('secrets are logged of those connections whose addresses are asked for', async (t) => {
  const folder = temporaryFolder(t);
  const log = (remoteRange: string) => {
    const path = join(folder, `keys from ${remoteRange.replace('/', ' ')}`);
    const [address, length] = remoteRange.split('/');
    const keyLog = { path, localRanges: [], remoteRanges: [{ address, prefixLength: Number(length) }] };
    return { keyLog, lines: () => (existsSync(path) ? readFileSync(path, 'latin1').split('\n').length - 1 : 0) };
  };
  const [wanted, others] = [log('127.0.0.0/8'), log('10.0.0.0/8')];
  for (const { keyLog } of [wanted, others]) {
    const { port } = await listener(t, { keyLog });
    assert.equal(await said(dial(t, port), 'hello'), 'hello');
  }
  await eventually('the log has its lines', () => wanted.lines() >= 4);
  assert.match(readFileSync(wanted.keyLog.path, 'latin1'), /^SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} [0-9a-f]+$/m);
  assert.equal(others.lines(), 0);
});

test('what is no TLS is an error of the connection', async (t) => {
  const { port, scope, next } = await listener(t, {});
  const outcome = next();
  const plain = connectPlain(port, '127.0.0.1');
  plain.on('error', () => {});
  plain.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const { connection, secure } = await outcome;
  assert.equal(secure, undefined);
  assert.match(connection.transportFailureReason, /OPENSSL_internal:HTTP_REQUEST/);
  assert.equal(scope.value('listener.test.ssl.connection_error'), 1);
});

test('a client that leaves before its hello is no error', async (t) => {
  const { port, scope, next } = await listener(t, {});
  const outcome = next();
  connectPlain(port, '127.0.0.1').end();
  const { connection, secure } = await outcome;
  assert.deepEqual([secure, connection.transportFailureReason], [undefined, '']);
  assert.equal(scope.value('listener.test.ssl.connection_error'), 0);
});

test('a handshake that takes too long is ended and counted', async (t) => {
  const { port, scope, next, begun, expire } = await listener(t, {}, 5000);
  const outcome = next();
  const plain = connectPlain(port, '127.0.0.1');
  await once(plain, 'connect');
  plain.on('error', () => {});
  const closed = new Promise((resolve) => plain.once('close', resolve));
  plain.resume();
  plain.write(Buffer.from([22, 3, 1]));
  await begun;
  expire();
  assert.equal((await outcome).secure, undefined);
  await closed;
  assert.equal(scope.value('listener.test.downstream_cx_transport_socket_connect_timeout'), 1);
});

test('a session goes on at another listener of the process that has the same secret and certificates', async (t) => {
  const one = await listener(t, {});
  const other = await listener(t, {});
  const first = dial(t, one.port);
  const session = once(first, 'session') as Promise<[Buffer]>;
  assert.equal(await said(first, 'x'), 'x');
  const second = dial(t, other.port, { session: (await session)[0] });
  assert.equal(await said(second, 'y'), 'y');
  assert.equal(second.isSessionReused(), true);
  assert.equal(other.scope.value('listener.test.ssl.session_reused'), 1);
});
