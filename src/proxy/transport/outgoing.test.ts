import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import test from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { asEvent } from '#proxy/transport/io-event.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';
import { nextBuffer, type Reader, readDone, readingFor, releaseReader } from '#proxy/transport/read-buffers.ts';

/** A socket that keeps what is written to it, and takes it when told. */
function setup() {
  const writes: (string | Buffer)[] = [];
  const taken: (() => void)[] = [];
  const socket = {
    writable: true,
    writableLength: 0,
    write(data: string | Buffer, then?: string | (() => void)) {
      writes.push(data);
      if (typeof then === 'function') taken.push(then);
    },
  };
  const bytes = () =>
    Buffer.concat(writes.map((data) => (typeof data === 'string' ? Buffer.from(data, 'latin1') : data)));
  return { outgoing: new Outgoing(socket as unknown as Socket), socket, writes, taken, bytes };
}

const LARGE = 20 * 1024;

test('a head and a small body leave in one write, at the end of the event', () => {
  const { outgoing, writes } = setup();
  asEvent(() => {
    outgoing.write('head\r\n');
    outgoing.writeBytes(Buffer.from([0, 128, 255]));
    assert.equal(outgoing.buffered, 9);
    assert.deepEqual(writes, []);
  });
  assert.deepEqual(writes, ['head\r\n\0\x80\xff']);
  assert.equal(outgoing.bytes, 9);
  assert.equal(outgoing.buffered, 0);
});

test('a piece may be overwritten as soon as it was handed over', async () => {
  const { outgoing, bytes } = setup();
  for (const size of [10, LARGE]) {
    const piece = Buffer.alloc(size, 'a');
    asEvent(() => {
      outgoing.writeBytes(piece);
      piece.fill('b');
    });
  }
  await endOfTurn();
  assert.equal(bytes().toString(), 'a'.repeat(10 + LARGE));
});

test('a large piece of a pooled buffer is written as it is at the end of the turn, and holds the buffer until it is taken', async () => {
  const { outgoing, writes, taken } = setup();
  const reader: Reader = { readsLargeBody: true, largeRead: 262_144, lease: undefined };
  readingFor(reader);
  readDone();
  const buffer = nextBuffer();
  const piece = buffer.subarray(5, 5 + LARGE);
  asEvent(() => {
    outgoing.write('head');
    outgoing.writeBytes(piece);
    outgoing.write('tail');
  });
  assert.deepEqual(writes, []);
  assert.equal(outgoing.buffered, LARGE + 8);
  await endOfTurn();
  assert.deepEqual(writes, [Buffer.from('head'), piece, Buffer.from('tail')]);
  assert.equal(writes[1], piece);
  assert.equal(reader.lease?.holders, 2);
  for (const done of taken) done();
  assert.equal(reader.lease?.holders, 1);
  releaseReader(reader);
});

test('a large piece that has to be copied leaves in one write with the head before it', async () => {
  const { outgoing, writes, taken } = setup();
  const piece = Buffer.alloc(LARGE, 'a');
  asEvent(() => {
    outgoing.write('head\xff');
    outgoing.writeBytes(piece);
    piece.fill('b');
    outgoing.write('tail');
  });
  await endOfTurn();
  assert.equal(writes.length, 2);
  assert.equal((writes[0] as Buffer).latin1Slice(), `head\xff${'a'.repeat(LARGE)}`);
  assert.equal(outgoing.bytes, 5 + LARGE + 4);
  assert.equal(outgoing.buffered, 5 + LARGE + 4);
  for (const done of taken) done();
  assert.equal(outgoing.buffered, 0);
});

test('large pieces wait for more of them until they are many', () => {
  const { outgoing, writes } = setup();
  asEvent(() => {
    for (let i = 0; i < 18; i++) outgoing.writeBytes(Buffer.alloc(LARGE));
    assert.equal(writes.length, 0);
    outgoing.writeBytes(Buffer.alloc(LARGE));
    assert.equal(writes.length, 19);
  });
});

test('large pieces wait for nothing where that would be too much, nor where the socket ends', () => {
  const { outgoing, socket, writes } = setup();
  let ended = 0;
  Object.assign(socket, { destroySoon: () => ended++ });
  asEvent(() => {
    outgoing.writeBytes(Buffer.alloc(LARGE));
    assert.equal(outgoing.isOver(LARGE), false);
    assert.equal(writes.length, 0);
    outgoing.writeBytes(Buffer.alloc(LARGE));
    outgoing.isOver(LARGE);
    assert.equal(writes.length, 2);
    outgoing.writeBytes(Buffer.alloc(LARGE));
    outgoing.write('last');
    outgoing.end();
    assert.deepEqual([writes.length, ended], [4, 1]);
  });
});

test('nothing is written to a socket that takes nothing any more', () => {
  const { outgoing, socket, writes } = setup();
  socket.writable = false;
  asEvent(() => outgoing.write('late'));
  assert.deepEqual(writes, []);
});

test('what has not been taken counts as buffered', () => {
  const { outgoing, socket } = setup();
  socket.writableLength = 100;
  asEvent(() => {
    outgoing.write('abc');
    assert.equal(outgoing.buffered, 103);
  });
});

test('who was told that too much waits hears when it does not, though the socket says nothing', () => {
  const { outgoing, socket } = setup();
  let drained = 0;
  Object.assign(socket, { owner: { onDrain: () => drained++ }, writableNeedDrain: false });
  asEvent(() => {
    outgoing.write('four');
    assert.equal(outgoing.isOver(4), false);
    assert.equal(outgoing.isOver(3), true);
    assert.equal(drained, 0);
  });
  assert.equal(drained, 1);
  // While the socket will tell by itself, nobody else does.
  socket.writableLength = 10;
  Object.assign(socket, { writableNeedDrain: true });
  asEvent(() => assert.equal(outgoing.isOver(3), true));
  assert.equal(drained, 1);
});

test('any pieces, in any events, come out in order and whole', async () => {
  const piece = fc.record({
    size: fc.constantFrom(0, 1, 5, 16 * 1024, 16 * 1024 + 1, LARGE),
    text: fc.boolean(),
    ends: fc.boolean(),
  });
  const property = fc.asyncProperty(fc.array(piece, { maxLength: 24 }), fc.boolean(), async (pieces, turns) => {
    const { outgoing, bytes } = setup();
    const expected: Buffer[] = [];
    let event: (() => void)[] = [];
    for (const [i, { size, text, ends }] of pieces.entries()) {
      const data = Buffer.alloc(size, 128 + i);
      expected.push(data);
      event.push(() => (text ? outgoing.write(data.latin1Slice()) : outgoing.writeBytes(data)));
      if (!ends) continue;
      const steps = event;
      asEvent(() => {
        for (const step of steps) step();
      });
      event = [];
      if (turns) await endOfTurn();
    }
    asEvent(() => {
      for (const step of event) step();
    });
    await endOfTurn();
    assert.ok(bytes().equals(Buffer.concat(expected)));
    assert.equal(outgoing.bytes, bytes().length);
  });
  await fc.assert(property, { numRuns: 60 });
});
