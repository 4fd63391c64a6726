import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '#testing/fake-clock.ts';

test('what falls due while time moves is fired in order, at its own time', () => {
  const clock = new FakeClock();
  const fired: [string, number][] = [];
  clock.schedule(20, () => fired.push(['late', clock.now()]));
  clock.schedule(5, () => {
    fired.push(['early', clock.now()]);
    clock.schedule(5, () => fired.push(['armed on the way', clock.now()]));
  });
  const cancel = clock.schedule(7, () => fired.push(['cancelled', clock.now()]));
  cancel();
  clock.advance(15);
  assert.deepEqual(fired, [
    ['early', 5],
    ['armed on the way', 10],
  ]);
  clock.advance(5);
  assert.deepEqual(fired.at(-1), ['late', 20]);
});
