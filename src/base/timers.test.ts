import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Timer, Timers } from '#base/timers.ts';
import { FakeClock } from '#testing/fake-clock.ts';

function setup() {
  const clock = new FakeClock();
  const delays: number[] = [];
  const timers = new Timers(clock, (delay, fire) => {
    delays.push(delay);
    return clock.schedule(delay, fire);
  });
  const fired: string[] = [];
  const timer = (name: string) => new Timer(() => fired.push(`${name}@${clock.now()}`));
  return { clock, timers, delays, fired, timer };
}

test('timers fire in order of their deadlines, whatever their durations', () => {
  const { clock, timers, fired, timer } = setup();
  timers.arm(timer('long'), 30);
  timers.arm(timer('short'), 10);
  clock.advance(5);
  timers.arm(timer('later'), 10);
  clock.advance(100);
  assert.deepEqual(fired, ['short@10', 'later@15', 'long@30']);
});

test('a timer that is armed again starts anew, and fires once', () => {
  const { clock, timers, fired, timer } = setup();
  const one = timer('one');
  timers.arm(one, 10);
  clock.advance(9);
  timers.arm(one, 10);
  clock.advance(9);
  assert.deepEqual(fired, []);
  assert.ok(one.armed);
  clock.advance(1);
  assert.deepEqual(fired, ['one@19']);
  assert.ok(!one.armed);
  clock.advance(100);
  assert.equal(fired.length, 1);
});

test('a cancelled timer does not fire, and its neighbours do', () => {
  const { clock, timers, fired, timer } = setup();
  const [a, b, c] = ['a', 'b', 'c'].map(timer);
  for (const one of [a, b, c]) timers.arm(one, 10);
  timers.cancel(b);
  timers.cancel(b);
  assert.ok(!b.armed);
  clock.advance(10);
  assert.deepEqual(fired, ['a@10', 'c@10']);
});

test('a timer may cancel and arm others while it fires', () => {
  const { clock, timers, fired, timer } = setup();
  const [victim, next] = ['victim', 'next'].map(timer);
  timers.arm(
    new Timer(() => {
      timers.cancel(victim);
      timers.arm(next, 5);
    }),
    10,
  );
  timers.arm(victim, 10);
  clock.advance(20);
  assert.deepEqual(fired, ['next@15']);
});

test('a timer that throws keeps no other from firing', () => {
  const { clock, timers, fired, timer } = setup();
  timers.arm(
    new Timer(() => {
      throw new Error('broken');
    }),
    10,
  );
  timers.arm(timer('same'), 10);
  timers.arm(timer('other'), 20);
  assert.throws(() => clock.advance(10), /broken/);
  clock.advance(10);
  assert.deepEqual(fired.sort(), ['other@20', 'same@11']);
});

test('the system waits for the earliest deadline alone', () => {
  const { timers, delays, timer } = setup();
  timers.arm(timer('a'), 50);
  timers.arm(timer('b'), 50);
  timers.arm(timer('c'), 80);
  timers.arm(timer('d'), 0.25);
  assert.deepEqual(delays, [50, 1]);
});

test('a duration longer than the system can wait is waited for in parts', () => {
  const { clock, timers, delays, fired, timer } = setup();
  const month = 31 * 24 * 3600 * 1000;
  timers.arm(timer('month'), month);
  clock.advance(month - 1);
  assert.deepEqual(delays, [2 ** 31 - 1, month - (2 ** 31 - 1)]);
  assert.deepEqual(fired, []);
  clock.advance(1);
  assert.deepEqual(fired, [`month@${month}`]);
});

test('hundreds of durations that clients choose leave nothing behind', () => {
  const { clock, timers, fired, timer } = setup();
  for (let i = 1; i <= 500; i++) timers.arm(timer(`${i}`), i);
  clock.advance(500);
  assert.deepEqual(
    fired,
    Array.from({ length: 500 }, (_, i) => `${i + 1}@${i + 1}`),
  );
  const { lists } = timers as unknown as { lists: Map<number, unknown> };
  assert.ok(lists.size <= 64, `${lists.size} lists`);
});

test('any timers, armed, cancelled and armed again, fire at their deadlines and only then', () => {
  const step = fc.record({
    who: fc.nat(5),
    wait: fc.nat(20),
    cancel: fc.boolean(),
    duration: fc.integer({ min: 1, max: 30 }),
  });
  const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const { clock, timers } = setup();
    const due = new Map<number, number>();
    const all = Array.from(
      { length: 6 },
      (_, who) =>
        new Timer(() => {
          assert.equal(due.get(who), clock.now());
          due.delete(who);
        }),
    );
    for (const { who, wait, cancel, duration } of steps) {
      clock.advance(wait);
      for (const deadline of due.values()) assert.ok(deadline > clock.now());
      if (cancel) {
        timers.cancel(all[who]);
        due.delete(who);
      } else {
        timers.arm(all[who], duration);
        due.set(who, clock.now() + duration);
      }
      assert.equal(all[who].armed, !cancel);
    }
    clock.advance(30);
    assert.equal(due.size, 0);
  });
  fc.assert(property, { numRuns: 300 });
});
