import assert from 'node:assert/strict';
import test from 'node:test';
import { DrainState } from '#proxy/drain-state.ts';
import { FakeClock } from '#testing/fake-clock.ts';

/** Randomness that always is this share of its range. */
const random = (share: number) => ({ uint32: () => Math.floor(share * 0xffff_ffff), uuid: () => '' });
const [lowest, highest] = [random(0), random(1)];

test('nothing closes before the drain starts', () => {
  const drain = new DrainState(new FakeClock(), 1000, 'immediate');
  assert.ok(!drain.draining);
  assert.ok(!drain.closesNow(lowest));
});

test('with the gradual strategy the share of responses that close grows from none to all', () => {
  const clock = new FakeClock();
  const drain = new DrainState(clock, 1000, 'gradual');
  drain.start(false);
  assert.ok(drain.draining);
  assert.ok(!drain.closesNow(lowest));
  for (const [at, closing, staying] of [
    [1, 0, 0.01],
    [250, 0.24, 0.26],
    [900, 0.89, 0.91],
  ]) {
    clock.advance(at - clock.now());
    assert.ok(drain.closesNow(random(closing)), `${closing} closes after ${at} ms`);
    assert.ok(!drain.closesNow(random(staying)), `${staying} stays after ${at} ms`);
  }
  clock.advance(100);
  assert.ok(drain.closesNow(highest));
  clock.advance(5000);
  assert.ok(drain.closesNow(highest));
});

test('with the immediate strategy, or without a drain time, every response closes', () => {
  for (const drain of [
    new DrainState(new FakeClock(), 1000, 'immediate'),
    new DrainState(new FakeClock(), 0, 'gradual'),
  ]) {
    drain.start(false);
    assert.ok(drain.closesNow(highest));
  }
});

test('a second start does not begin anew, but may make a gradual drain immediate', () => {
  const clock = new FakeClock();
  const drain = new DrainState(clock, 1000, 'gradual');
  drain.start(false);
  clock.advance(600);
  drain.start(false);
  assert.ok(drain.closesNow(random(0.5)));
  assert.ok(!drain.closesNow(random(0.7)));
  drain.start(true);
  assert.ok(drain.closesNow(highest));
});
