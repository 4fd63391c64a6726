import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wholeNumberText } from '#proxy/admin/stats/whole-number-text.ts';
import { leftOfNoLimit } from '#proxy/observe/stats/no-limit.ts';

test('what has no limit is the largest number of 64 bits; others are as they are', () => {
  assert.equal(wholeNumberText(Number.POSITIVE_INFINITY), '18446744073709551615');
  assert.equal(wholeNumberText(leftOfNoLimit(0)), '18446744073709551615');
  assert.equal(wholeNumberText(leftOfNoLimit(3)), '18446744073709551612');
  assert.equal(wholeNumberText(4_294_967_295), '4294967295');
  assert.equal(wholeNumberText(0), '0');
});
