import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrematureResets } from '#proxy/http/premature-resets.ts';
import { RuntimeView } from '#selection/runtime-view.ts';

const runtime = new RuntimeView();

/** How many streams of a kind it takes until the connection is to be closed; 0: more than 10,000. */
function streamsUntilClosed(
  resets: PrematureResets,
  kind: (i: number) => [seconds: number, answered: boolean],
): number {
  for (let i = 1; i <= 10_000; i++) if (resets.add(...kind(i), runtime)) return i;
  return 0;
}

test('a client that resets every stream is cut off after 250: it could not become a good one any more', () => {
  assert.equal(
    streamsUntilClosed(new PrematureResets(), () => [0.1, false]),
    250,
  );
});

test('one that resets less than half of its streams is not, nor one whose streams were answered or lived long', () => {
  assert.equal(
    streamsUntilClosed(new PrematureResets(), (i) => [0.1, i % 5 !== 0]),
    0,
  );
  assert.equal(
    streamsUntilClosed(new PrematureResets(), () => [0.1, true]),
    0,
  );
  assert.equal(
    streamsUntilClosed(new PrematureResets(), () => [2, false]),
    0,
  );
});

test('one that was good long enough may reset as many as it was good for', () => {
  const resets = new PrematureResets();
  for (let i = 0; i < 1000; i++) assert.equal(resets.add(0.1, true, runtime), false);
  assert.equal(
    streamsUntilClosed(resets, () => [0.1, false]),
    1000,
  );
});
