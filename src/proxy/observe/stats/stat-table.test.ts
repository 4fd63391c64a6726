import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, gauge, histogram, StatTable } from '#proxy/observe/stats/stat-table.ts';
import { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';

const TABLE = new StatTable('test', {
  time: histogram('rq_time', 'Milliseconds'),
  total: counter('rq_total'),
  active: gauge('rq_active'),
  open: gauge('breakers.default.open'),
});

/** A hub with one local thread (0) and one whose batches are handed over by `sync` (1). */
function twoThreads(accepts?: (name: string) => boolean) {
  const [main, worker, hub] = [new ThreadStats(accepts), new ThreadStats(accepts), new StatsHub()];
  hub.attach(0, main);
  hub.attach(1);
  const sync = () => hub.accept(1, structuredClone(worker.drainDefinitions()));
  return { main, worker, hub, sync };
}

const names = (stats: { name: string }[]) => stats.map(({ name }) => name);

test('every stat of a row is there, unused, before anybody takes one, in the order of all names', () => {
  const { main, hub } = twoThreads();
  for (const name of ['b', 'a', 'a.b']) main.root.scope(`cluster.${name}`).row(TABLE);
  main.root.counter('cluster.a.rq_other');
  const rest = ['breakers.default.open', 'rq_active', 'rq_total'];
  assert.deepEqual(names(hub.numbers()), [
    ...['a.b.breakers.default.open', 'a.b.rq_active', 'a.b.rq_total'].map((name) => `cluster.${name}`),
    ...['breakers.default.open', 'rq_active', 'rq_other', 'rq_total'].map((name) => `cluster.a.${name}`),
    ...rest.map((name) => `cluster.b.${name}`),
  ]);
  assert.ok(hub.numbers().every(({ used, value }) => !used && Object.is(value, 0)));
  assert.deepEqual(names(hub.histograms()), ['cluster.a.b.rq_time', 'cluster.a.rq_time', 'cluster.b.rq_time']);
});

test('a stat of a row is the same by whatever name it is asked for, and adds up over threads', () => {
  const { main, worker, hub, sync } = twoThreads();
  const row = main.root.scope('cluster.a').row(TABLE);
  assert.equal(main.root.counter('cluster.a.rq_total'), row.total);
  assert.equal(main.root.scope('cluster.a').scope('breakers').gauge('default.open'), row.open);
  row.total.add(2);
  row.set('active', 4);
  const theirs = worker.root.scope('cluster.a').row(TABLE);
  theirs.total.inc();
  theirs.add('active', 1);
  theirs.time.record(5);
  sync();
  assert.deepEqual([hub.counter('cluster.a.rq_total'), hub.gauge('cluster.a.rq_active')], [3, 5]);
  hub.startInterval();
  hub.acceptHistograms(1, structuredClone(worker.takeHistogramInterval()));
  assert.deepEqual(hub.histogram('cluster.a.rq_time')?.cumulative.bins, [50]);
  assert.deepEqual(names(hub.histograms({ usedOnly: true })), ['cluster.a.rq_time']);
});

test('a stat that stands by itself in one thread and in a row of another is listed once, as their sum', () => {
  const { main, worker, hub, sync } = twoThreads();
  main.root.counter('cluster.a.rq_total').add(1);
  worker.root.scope('cluster.a').row(TABLE).total.add(2);
  sync();
  const listed = hub.numbers().filter(({ name }) => name === 'cluster.a.rq_total');
  assert.deepEqual(listed, [{ name: 'cluster.a.rq_total', kind: 'counter', value: 3, used: true }]);
  assert.equal(hub.counter('cluster.a.rq_total'), 3);
});

test('a reader gets what it asks for: by kind, by name, or what was ever written, even with zero', () => {
  const { main, hub } = twoThreads();
  const row = main.root.scope('cluster.a').row(TABLE);
  row.total.add(0);
  assert.deepEqual(names(hub.numbers({ usedOnly: true })), ['cluster.a.rq_total']);
  assert.deepEqual(names(hub.numbers({ kind: 'gauge' })), ['cluster.a.breakers.default.open', 'cluster.a.rq_active']);
  assert.deepEqual(names(hub.numbers({ keeps: (name) => name.endsWith('active') })), ['cluster.a.rq_active']);
  assert.deepEqual(hub.histograms({ keeps: (name) => !name.includes('time') }), []);
});

test('reset counters of rows show zero and count on; gauges keep their value', () => {
  const { main, hub } = twoThreads();
  const row = main.root.scope('cluster.a').row(TABLE);
  row.total.add(5);
  row.active.set(3);
  hub.resetCounters();
  assert.deepEqual([hub.counter('cluster.a.rq_total'), hub.gauge('cluster.a.rq_active')], [0, 3]);
  row.total.inc();
  assert.equal(hub.counter('cluster.a.rq_total'), 1);
});

test('a row goes with its last lease, late writes touch nothing, and its room is used again, unwritten', () => {
  const { main, hub } = twoThreads();
  const [first, second] = [main.lease(), main.lease()];
  const row = first.scope.scope('cluster.a').row(TABLE);
  const { total } = row;
  second.scope.counter('cluster.a.rq_total');
  first.release();
  total.add(7);
  assert.equal(hub.counter('cluster.a.rq_total'), 7);
  second.release();
  assert.deepEqual(hub.numbers(), []);
  assert.deepEqual(hub.histograms(), []);
  const again = main.lease().scope.scope('cluster.b').row(TABLE);
  total.inc();
  row.active.inc();
  row.add('open', 1);
  assert.deepEqual(hub.numbers({ usedOnly: true }), []);
  again.total.inc();
  assert.deepEqual(names(hub.numbers({ usedOnly: true })), ['cluster.b.rq_total']);
});

test('counters of a thread that is done with its row, or has ended, stay while another counts on; its gauges go', () => {
  const { main, worker, hub, sync } = twoThreads();
  main.root.scope('cluster.a').row(TABLE).total.inc();
  const lease = worker.lease();
  const gone = lease.scope.scope('cluster.a').row(TABLE);
  gone.total.add(4);
  gone.active.set(4);
  sync();
  lease.release();
  sync();
  worker.root.scope('cluster.a').row(TABLE).total.add(2);
  sync();
  hub.detach(1);
  assert.deepEqual([hub.counter('cluster.a.rq_total'), hub.gauge('cluster.a.rq_active')], [7, 0]);
  assert.deepEqual(names(hub.numbers({ usedOnly: true })), ['cluster.a.rq_active', 'cluster.a.rq_total']);
});

test('what a matcher rejects of a row is not listed and can be written all the same', () => {
  const { main, worker, hub, sync } = twoThreads((name) => !/time|total/.test(name));
  const row = main.root.scope('cluster.a').row(TABLE);
  row.total.inc();
  row.time.record(1);
  row.active.inc();
  worker.root.scope('cluster.a').row(TABLE).add('total', 1);
  sync();
  assert.deepEqual(names(hub.numbers()), ['cluster.a.breakers.default.open', 'cluster.a.rq_active']);
  assert.deepEqual([hub.histograms(), hub.counter('cluster.a.rq_total')], [[], 0]);
});
