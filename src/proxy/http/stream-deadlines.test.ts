import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timers } from '#base/timers.ts';
import { StreamDeadlines } from '#proxy/http/stream-deadlines.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { Headers } from '#wire/headers.ts';
import { Stream } from '#wire/http2/stream.ts';

test('a stream is late when its time is over, unless it was forgotten or all was stopped', () => {
  const clock = new FakeClock();
  const timers = new Timers(clock, clock.schedule);
  const late: number[] = [];
  const deadlines = new StreamDeadlines<never>(timers, ({ id }) => late.push(id));
  const [one, two, three] = [1, 3, 5].map((id) => new Stream<never>(id, new Headers(), 0, 0));
  deadlines.watch(one, 100);
  deadlines.watch(two, 100);
  deadlines.forget(two);
  clock.advance(99);
  assert.deepEqual(late, []);
  clock.advance(1);
  assert.deepEqual(late, [1]);
  deadlines.watch(three, 100);
  deadlines.stop();
  clock.advance(1000);
  assert.deepEqual(late, [1]);
});

test('a time of 0 is no limit', () => {
  const clock = new FakeClock();
  const deadlines = new StreamDeadlines<never>(new Timers(clock, clock.schedule), () => assert.fail());
  deadlines.watch(new Stream<never>(1, new Headers(), 0, 0), 0);
  clock.advance(1_000_000);
});
