import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { asEvent } from '#proxy/transport/io-event.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';
import { nextBuffer, type Reader, readDone, readingFor, releaseReader } from '#proxy/transport/read-buffers.ts';
import { signed } from '#testing/certificates.ts';

const LARGE = 20 * 1024;

/** The near end of a connection over TLS, and all that the far end reads of it. */
async function tlsPair(t: TestContext): Promise<{ near: TLSSocket; far: TLSSocket; all: Promise<Buffer> }> {
  const { key, cert } = signed('outgoing.test');
  const server = createServer({ key, cert });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const secured = once(server, 'secureConnection');
  const far = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', rejectUnauthorized: false });
  const [near] = (await secured) as [TLSSocket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  const chunks: Buffer[] = [];
  far.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { near, far, all: once(far, 'end').then(() => Buffer.concat(chunks)) };
}

test('over TLS everything arrives in order, whatever is written while a write is under way, and the end comes last', async (t) => {
  const { near, all } = await tlsPair(t);
  const outgoing = new Outgoing(near);
  const expected: Buffer[] = [];
  const reader: Reader = { readsLargeBody: true, largeRead: 262_144, lease: undefined };
  for (let i = 0; i < 60; i++) {
    asEvent(() => {
      outgoing.write(`text ${i};`);
      expected.push(Buffer.from(`text ${i};`));
      if (i % 3 === 1) {
        readingFor(reader);
        readDone();
        const piece = nextBuffer().subarray(0, LARGE).fill(i);
        expected.push(Buffer.from(piece));
        outgoing.writeBytes(piece);
      }
      if (i % 7 === 2) {
        const piece = Buffer.alloc(LARGE, i);
        expected.push(Buffer.from(piece));
        outgoing.writeBytes(piece);
        piece.fill(0);
      }
    });
    if (i % 10 === 9) await new Promise(setImmediate);
  }
  const sent = Buffer.concat(expected);
  assert.equal(outgoing.bytes, sent.length);
  asEvent(() => outgoing.end());
  assert.ok((await all).equals(sent));
  assert.equal(reader.lease?.holders, 1);
  releaseReader(reader);
});

test('what waits behind a write counts as buffered, and the owner hears when it is gone', async (t) => {
  const { near } = await tlsPair(t);
  const outgoing = new Outgoing(near);
  const drained = new Promise<void>((resolve) => Object.assign(near, { owner: { onDrain: resolve } }));
  asEvent(() => outgoing.write('one'));
  asEvent(() => outgoing.write('two'));
  asEvent(() => outgoing.writeBytes(Buffer.alloc(LARGE)));
  assert.equal(outgoing.buffered, 6 + LARGE);
  asEvent(() => assert.equal(outgoing.isOver(LARGE), true));
  await drained;
  assert.equal(outgoing.buffered, 0);
});

test('a connection that breaks while a write is under way lets go of what waits behind it', async (t) => {
  const { near, far } = await tlsPair(t);
  near.on('error', () => {});
  far.on('error', () => {});
  const outgoing = new Outgoing(near);
  const reader: Reader = { readsLargeBody: true, largeRead: 262_144, lease: undefined };
  asEvent(() => outgoing.write('under way'));
  readingFor(reader);
  readDone();
  const piece = nextBuffer().subarray(0, LARGE);
  asEvent(() => outgoing.writeBytes(piece));
  assert.equal(reader.lease?.holders, 2);
  const { lease } = reader;
  near.destroy();
  await once(near, 'close');
  await new Promise(setImmediate);
  assert.equal(lease?.holders, 1);
  releaseReader(reader);
});
