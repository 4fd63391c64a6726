import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { startWatchdog } from '#proxy/observe/stats/watchdog.ts';
import { DEFAULT_WATCHDOG } from '#testing/watchdog-samples.ts';

function setup(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const [stats, hub] = [new ThreadStats(), new StatsHub()];
  hub.attach(0, stats);
  return { stats, hub };
}

test('a loop that stood still is counted for its thread and its kind: a miss, then a mega miss', (t) => {
  const { stats, hub } = setup(t);
  let now = 0;
  let touches = 0;
  const touch = () => void touches++;
  t.after(startWatchdog(stats.root, 'worker_1', DEFAULT_WATCHDOG, touch, () => now));
  const misses = () =>
    ['server.worker_1.watchdog_miss', 'workers.watchdog_miss', 'workers.watchdog_mega_miss'].map((name) =>
      hub.counter(name),
    );
  now = 199;
  t.mock.timers.tick(100);
  assert.deepEqual(misses(), [0, 0, 0]);
  now += 200;
  t.mock.timers.tick(100);
  assert.deepEqual(misses(), [1, 1, 0]);
  now += 1000;
  t.mock.timers.tick(100);
  assert.deepEqual(misses(), [2, 2, 1]);
  assert.equal(touches, 3);
});

test('a loop that moves misses nothing, however short its times are', (t) => {
  const { stats, hub } = setup(t);
  let now = 0;
  const none = () => {};
  t.after(startWatchdog(stats.root, 'worker_0', { ...DEFAULT_WATCHDOG, miss: 0, megaMiss: 0 }, none, () => now));
  for (let i = 0; i < 10; i++) {
    now += 1.2;
    t.mock.timers.tick(1);
  }
  assert.equal(hub.counter('workers.watchdog_miss'), 0);
});
