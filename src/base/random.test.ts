import assert from 'node:assert/strict';
import test from 'node:test';
import { systemRandom } from '#base/random.ts';

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
  const [one, other] = [systemRandom.uuid(), systemRandom.uuid()];
  assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(one, other);
});
