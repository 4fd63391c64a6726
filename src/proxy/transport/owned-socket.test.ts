import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as netConnect, Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { onAccept } from '#proxy/transport/accepted-handles.ts';
import {
  type OwnedSocket,
  onHandle,
  onread,
  own,
  type SocketHandle,
  type SocketOwner,
} from '#proxy/transport/owned-socket.ts';

/** An owner that writes down what happens to it. */
class Recorder implements SocketOwner {
  readonly log: string[] = [];
  readonly closed = Promise.withResolvers<void>();
  text = '';

  onRead(count: number, bytes: Buffer): void {
    this.text += bytes.latin1Slice(0, count);
  }
  onEnd(): void {
    this.log.push('end');
  }
  onDrain(): void {
    this.log.push('drain');
  }
  onClose(): void {
    this.log.push('close');
    this.closed.resolve();
  }
  onError(error: NodeJS.ErrnoException): void {
    this.log.push(`error ${error.code}`);
  }
}

/** A connection: what a server accepted, not read yet, and the client's socket. */
async function pair(t: TestContext): Promise<{ handle: SocketHandle; client: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => void server.close());
  await once(server, 'listening');
  const accepted = new Promise<SocketHandle>((resolve) => onAccept(server, resolve));
  const { port } = server.address() as AddressInfo;
  const client = netConnect(port, '127.0.0.1');
  client.on('error', () => {});
  t.after(() => void client.destroy());
  return { handle: await accepted, client };
}

test("a socket on a handle reads and writes, and tells its owner of the peer's end and its own", async (t) => {
  const { handle, client } = await pair(t);
  const socket = onHandle(handle);
  t.after(() => void socket.destroy());
  const owner = new Recorder();
  own(socket, owner, false);
  socket.resume();
  client.write('one ');
  client.end('two');
  socket.write('answer');
  assert.equal(String((await once(client, 'data'))[0]), 'answer');
  await once(socket, 'end');
  assert.equal(owner.text, 'one two');
  socket.destroy();
  await owner.closed.promise;
  assert.deepEqual(owner.log, ['end', 'close']);
  assert.equal(socket.owner, undefined);
});

test('a socket without shared buffers gives its reads all the same', async (t) => {
  const { handle, client } = await pair(t);
  const accepted = new Socket({ handle } as never);
  const owner = new Recorder();
  own(accepted as OwnedSocket, owner, true);
  accepted.resume();
  client.end('hello');
  await once(accepted, 'end');
  assert.equal(owner.text, 'hello');
  accepted.destroy();
  await owner.closed.promise;
});

test('a reset is told as an error, and then as the close', async (t) => {
  const { handle, client } = await pair(t);
  const socket = onHandle(handle);
  t.after(() => void socket.destroy());
  const owner = new Recorder();
  own(socket, owner, false);
  socket.resume();
  client.resetAndDestroy();
  await owner.closed.promise;
  assert.deepEqual(owner.log, ['error ECONNRESET', 'close']);
});

test('a connection that is refused is told as an error, and then as the close', async () => {
  const socket: OwnedSocket = new Socket({ onread });
  const owner = new Recorder();
  own(socket, owner, false);
  // Port 1 of an address of the loopback that nobody uses.
  socket.connect(1, '127.1.2.3');
  await owner.closed.promise;
  assert.deepEqual(owner.log, ['error ECONNREFUSED', 'close']);
});

test('more than the kernel takes is drained when the peer reads', async (t) => {
  const { handle, client } = await pair(t);
  const socket = onHandle(handle);
  t.after(() => void socket.destroy());
  const owner = new Recorder();
  own(socket, owner, false);
  assert.equal(socket.write(Buffer.alloc(16 * 1024 * 1024)), false);
  client.resume();
  await once(socket, 'drain');
  assert.deepEqual(owner.log, ['drain']);
});
