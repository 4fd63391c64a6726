import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jittered } from '#base/jitter.ts';

test('a time grows by a random share of its percentage, and never shrinks', () => {
  const random = (uint32: number) => ({ uint32: () => uint32 });
  assert.equal(jittered(1000, 50, random(0)), 1000);
  assert.equal(jittered(1000, 50, random(2 ** 31)), 1250);
  assert.equal(jittered(1000, 50, random(2 ** 32 - 1)), 1499);
  assert.equal(jittered(1000.5, 0, random(2 ** 31)), 1000.5);
});
