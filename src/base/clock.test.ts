import assert from 'node:assert/strict';
import test from 'node:test';
import { SystemClock } from '#base/clock.ts';

test('the time stands still between two ticks, and never goes back', () => {
  const clock = new SystemClock();
  const before = clock.now();
  assert.equal(clock.now(), before);
  const after = clock.tick();
  assert.ok(after >= before);
  assert.equal(clock.now(), after);
});

test('the wall clock is the system one, and moves with the other', () => {
  const clock = new SystemClock();
  clock.tick();
  assert.ok(Math.abs(clock.wall() - Date.now()) < 1000);
  const difference = clock.wall() - clock.now();
  clock.tick();
  assert.equal(clock.wall() - clock.now(), difference);
});
