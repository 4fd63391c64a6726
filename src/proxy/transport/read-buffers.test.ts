import assert from 'node:assert/strict';
import test from 'node:test';
import {
  BODY_READ,
  framedRead,
  holdLease,
  leaseFor,
  nextBuffer,
  type Reader,
  readDone,
  readingFor,
  readMore,
  release,
  releaseReader,
} from '#proxy/transport/read-buffers.ts';

const reader = (readsLargeBody = true): Reader => ({ readsLargeBody, largeRead: 262_144, lease: undefined });

/** The buffer that a reader's next bytes go to. */
function bufferFor(one: Reader): Buffer {
  readingFor(one);
  readDone();
  return nextBuffer();
}

test('small reads share one buffer, which nobody holds', () => {
  const shared = nextBuffer();
  assert.equal(bufferFor(reader(false)), shared);
  assert.equal(bufferFor(reader(false)), shared);
  assert.equal(holdLease(shared.subarray(3, 9)), undefined);
});

test('readers of large bodies have buffers of their own, and keep them from read to read', () => {
  const [one, other] = [reader(), reader()];
  const mine = bufferFor(one);
  assert.notEqual(mine, nextBuffer());
  assert.notEqual(bufferFor(other), mine);
  assert.equal(bufferFor(one), mine);
  releaseReader(one);
  releaseReader(other);
});

test('a buffer with a write under way is not read into; it comes back when the write is done', () => {
  const one = reader();
  const first = bufferFor(one);
  const write = holdLease(first.subarray(0, 10));
  assert.ok(write);
  const second = bufferFor(one);
  assert.notEqual(second, first);
  releaseReader(one);
  const other = reader();
  assert.equal(bufferFor(other), second);
  release(write);
  const third = reader();
  assert.equal(bufferFor(third), first);
  releaseReader(other);
  releaseReader(third);
});

test('two writes out of one buffer both have to be done', () => {
  const one = reader();
  const buffer = bufferFor(one);
  const [a, b] = [holdLease(buffer.subarray(0, 1)), holdLease(buffer.subarray(1, 2))];
  assert.equal(a, b);
  assert.ok(a && b);
  releaseReader(one);
  release(a);
  const other = reader();
  assert.notEqual(bufferFor(other), buffer);
  release(b);
  assert.equal(holdLease(buffer), undefined);
  releaseReader(other);
});

test('at the end of its large body a reader gives its buffer back', () => {
  const one = reader();
  const buffer = bufferFor(one);
  one.readsLargeBody = false;
  assert.notEqual(bufferFor(one), buffer);
  assert.equal(one.lease, undefined);
  releaseReader(one);
  const other = reader();
  assert.equal(bufferFor(other), buffer);
  releaseReader(other);
});

test('a reader gets as much as it reads at a time, and another buffer where that changes', () => {
  const one = reader();
  assert.equal(bufferFor(one).length, 262_144);
  one.largeRead = 131_072;
  const buffer = bufferFor(one);
  assert.equal(buffer.length, 131_072);
  releaseReader(one);
  const other = { ...reader(), largeRead: 131_072 };
  assert.equal(bufferFor(other), buffer);
  releaseReader(other);
});

test('a socket that is made in the middle of a read gets no buffer of the reader', () => {
  const one = reader();
  readingFor(one);
  const made = nextBuffer();
  assert.equal(one.lease, undefined);
  readDone();
  assert.ok(nextBuffer() !== made);
  assert.ok(one.lease !== undefined);
  releaseReader(one);
});

test('where writes are dear a reader reads more at a time', () => {
  const one = { ...reader(), largeRead: BODY_READ };
  assert.equal(bufferFor(one).length, BODY_READ);
  readingFor(one);
  readDone();
  readMore();
  assert.equal(nextBuffer().length, 524_288);
  releaseReader(one);
});

test('large pieces are for connections that may hold them', () => {
  assert.deepEqual([65_536, 524_287, 524_288, 1_048_576].map(framedRead), [262_144, 262_144, 524_288, 524_288]);
});

test('copies have pooled buffers too; one of an unusual size is not kept', () => {
  const lease = leaseFor(60_000);
  assert.equal(lease.buffer.length, 64 * 1024);
  release(lease);
  const again = leaseFor(41_000);
  assert.equal(again.buffer, lease.buffer);
  release(again);
  const small = leaseFor(20_000);
  assert.equal(small.buffer.length, 20_000, 'no four times of it');
  release(small);
  const huge = leaseFor(100_000);
  assert.equal(huge.buffer.length, 100_000);
  release(huge);
  assert.ok(leaseFor(100_000).buffer !== huge.buffer);
});
