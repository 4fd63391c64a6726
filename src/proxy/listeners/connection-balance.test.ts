import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionBalance } from '#proxy/listeners/connection-balance.ts';

test('the worker with the fewest connections gets the next one, whoever asks', () => {
  const shared = new SharedArrayBuffer(16);
  const [one, other] = [new ConnectionBalance(shared, 3), new ConnectionBalance(shared, 3)];
  assert.deepEqual([one.pick(), other.pick(), one.pick(), other.pick()], [0, 1, 2, 0]);
  one.give(1);
  one.add(2);
  assert.deepEqual([other.pick(), other.pick()], [1, 1]);
});
