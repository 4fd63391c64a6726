import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { writeBytesDirectly, writeDirectly, writePiecesDirectly } from '#proxy/transport/direct-write.ts';
import { leaseFor } from '#proxy/transport/read-buffers.ts';
import { eventually } from '#testing/eventually.ts';
import type { Scope } from '#testing/scope.ts';

/** Two ends of a connection. */
async function pair(t: Scope): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  if (near.connecting) await once(near, 'connect');
  for (const socket of [near, far]) socket.on('error', () => {});
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

/** Reads until so many bytes have come. */
async function received(socket: Socket, count: number): Promise<string> {
  let text = '';
  socket.resume();
  socket.on('data', (bytes: Buffer) => {
    text += bytes.latin1Slice();
  });
  await eventually(`${count} bytes`, async () => text.length >= count);
  return text;
}

test('what the kernel takes at once is written, and nothing waits', async (t) => {
  const [near, far] = await pair(t);
  assert.equal(writeDirectly(near, 'caf\u00e9', { onWritten: () => assert.fail('nothing waited') }), 0);
  assert.equal(await received(far, 4), 'caf\u00e9');
});

test('what has to wait is told of once the peer has read it, in order with what comes behind', async (t) => {
  const [near, far] = await pair(t);
  const text = 'x'.repeat(16 << 20);
  let told = 0;
  const waiting = writeDirectly(near, text, { onWritten: (bytes) => (told += bytes) });
  assert.equal(waiting, text.length);
  near.write('end');
  const all = await received(far, text.length + 3);
  assert.ok(all.startsWith('xxx') && all.endsWith('xend'));
  await eventually('the write is over', async () => told === waiting);
});

test('bytes that have to wait are told of too, and those that come behind stay behind', async (t) => {
  const [near, far] = await pair(t);
  let told = 0;
  const writer = { onWritten: (bytes: number) => (told += bytes) };
  const waiting = writeBytesDirectly(near, Buffer.alloc(16 << 20, 'x'), writer);
  const behind = writeBytesDirectly(near, Buffer.from('end'), writer);
  assert.equal(waiting + behind, (16 << 20) + 3);
  const all = await received(far, waiting + behind);
  assert.ok(all.startsWith('xxx') && all.endsWith('xend'));
  await eventually('the writes are over', async () => told === waiting + behind);
});

test('pieces leave in one write, in order, and give back what they lie in when it is over', async (t) => {
  const [near, far] = await pair(t);
  let told = 0;
  const writer = { onWritten: (bytes: number) => (told += bytes) };
  const lease = leaseFor(1 << 20);
  lease.holders = 8;
  const pieces = Array.from({ length: 4 }, (_, i) => ({ chunk: Buffer.alloc(4 << 20, `${i}`), lease }));
  const waiting = writePiecesDirectly(near, pieces, 16 << 20, writer);
  assert.deepEqual([waiting, lease.holders], [16 << 20, 8]);
  const all = await received(far, 16 << 20);
  assert.equal(all.replaceAll(/(.)\1*/g, '$1'), '0123');
  await eventually('the write is over', async () => told === waiting);
  assert.equal(lease.holders, 4);
  assert.equal(
    writePiecesDirectly(
      near,
      [
        { chunk: Buffer.from('a'), lease },
        { chunk: Buffer.from('b'), lease: undefined },
      ],
      2,
      writer,
    ),
    0,
  );
  assert.equal(lease.holders, 3);
});

test('a socket whose peer is gone is destroyed', async (t) => {
  const [near, far] = await pair(t);
  far.resetAndDestroy();
  await eventually('the socket is gone', async () => {
    if (near.destroyed) return true;
    writeDirectly(near, 'anybody?', { onWritten() {} });
    return false;
  });
});
