import assert from 'node:assert/strict';
import test from 'node:test';
import { secretBytes, systemRandom } from '#base/random.ts';

test('numbers are whole, of 32 bits, and differ', () => {
  const numbers = Array.from({ length: 100 }, () => systemRandom.uint32());
  for (const number of numbers) assert.ok(Number.isInteger(number) && number >= 0 && number < 2 ** 32);
  assert.ok(new Set(numbers).size > 90);
  assert.ok(
    numbers.some((number) => number >= 2 ** 31),
    'the highest bit is used',
  );
});

test('UUIDs are of version 4, and differ', () => {
  // More than are made of one read.
  const uuids = Array.from({ length: 1000 }, () => systemRandom.uuid());
  for (const uuid of uuids) assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(uuids).size, uuids.length);
});

test('secrets are as long as asked for, and differ', () => {
  const [one, other] = [secretBytes(32), secretBytes(32)];
  assert.deepEqual([one.length, other.length], [32, 32]);
  assert.notDeepEqual(one, other);
});
