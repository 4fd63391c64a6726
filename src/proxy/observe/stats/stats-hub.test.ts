import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';

/** A hub with one local thread (0) and one whose batches are handed over by `sync` (1). */
function twoThreads() {
  const [main, worker, hub] = [new ThreadStats(), new ThreadStats(), new StatsHub()];
  hub.attach(0, main);
  hub.attach(1);
  const sync = () => hub.accept(1, structuredClone(worker.drainDefinitions()));
  return { main, worker, hub, sync };
}

test('a counter shows the sum of all threads, and follows later writes without another batch', () => {
  const { main, worker, hub, sync } = twoThreads();
  main.root.scope('cluster.c').counter('upstream_rq_total').add(2);
  const there = worker.root.scope('cluster.c').counter('upstream_rq_total');
  there.inc();
  sync();
  assert.equal(hub.counter('cluster.c.upstream_rq_total'), 3);
  there.inc();
  assert.equal(hub.counter('cluster.c.upstream_rq_total'), 4);
});

test('asking twice for a name gives the same stat, whatever the way to it', () => {
  const { main } = twoThreads();
  assert.equal(main.root.counter('a.b.c'), main.root.scope('a').scope('b').counter('c'));
  assert.equal(main.root.histogram('a', 'Bytes'), main.root.histogram('a', 'Bytes'));
});

test('a stat exists from the moment it is asked for, and is used once it was written, even with zero', () => {
  const { main, hub } = twoThreads();
  const gauge = main.root.gauge('g');
  const counter = main.root.counter('c');
  assert.deepEqual(
    hub.numbers().map(({ name, value, used }) => [name, value, used]),
    [
      ['c', 0, false],
      ['g', 0, false],
    ],
  );
  gauge.inc();
  gauge.dec();
  counter.add(0);
  assert.deepEqual(
    hub.numbers().map(({ value, used }) => [value, used]),
    [
      [0, true],
      [0, true],
    ],
  );
});

test('reset counters show zero and count on; gauges keep their value; nothing is written to a slab', () => {
  const { main, worker, hub, sync } = twoThreads();
  const [counter, gauge, far] = [main.root.counter('c'), main.root.gauge('g'), worker.root.counter('c')];
  sync();
  counter.add(5);
  far.add(7);
  gauge.add(3);
  hub.resetCounters();
  assert.deepEqual([hub.counter('c'), hub.gauge('g'), counter.value, far.value], [0, 3, 5, 7]);
  counter.inc();
  assert.equal(hub.counter('c'), 1);
  assert.equal(hub.numbers()[0].used, true);
});

test('a counter keeps what a thread that let it go had counted, while another thread counts on', () => {
  const { main, worker, hub, sync } = twoThreads();
  const lease = worker.lease();
  lease.scope.counter('c').add(4);
  lease.scope.gauge('g').add(4);
  main.root.counter('c').inc();
  main.root.gauge('g').inc();
  sync();
  lease.release();
  sync();
  assert.deepEqual([hub.counter('c'), hub.gauge('g')], [5, 1]);
});

test('a stat goes when the last lease on it is released, and late writes to it touch no other stat', () => {
  const { main, hub } = twoThreads();
  const [first, second] = [main.lease(), main.lease()];
  const counter = first.scope.counter('listener.x.c');
  second.scope.counter('listener.x.c');
  first.release();
  assert.deepEqual(
    hub.numbers().map(({ name }) => name),
    ['listener.x.c'],
  );
  second.release();
  assert.deepEqual(hub.numbers(), []);
  main.root.counter('other');
  counter.add(100);
  assert.equal(hub.counter('other'), 0);
});

test('slots of stats that went are used again, unwritten', () => {
  const { main, hub } = twoThreads();
  for (let round = 0; round < 3; round++) {
    const lease = main.lease();
    for (let i = 0; i < 4096; i++) lease.scope.counter(`${round}.${i}`).inc();
    lease.release();
    main.drainDefinitions();
  }
  main.root.counter('fresh');
  assert.deepEqual(main.drainDefinitions().slabs, []);
  assert.deepEqual(hub.numbers(), []);
});

test('what a matcher rejects is not listed and can be written all the same', () => {
  const main = new ThreadStats((name) => !name.startsWith('cluster.'));
  const hub = new StatsHub();
  hub.attach(0, main);
  main.root.counter('cluster.a').inc();
  main.root.gauge('cluster.b').set(1);
  main.root.histogram('cluster.c', 'Bytes').record(1);
  main.root.textReadout('cluster.d').set('x');
  main.root.counter('http.a').inc();
  assert.deepEqual(
    hub.numbers().map(({ name }) => name),
    ['http.a'],
  );
  assert.deepEqual([hub.histograms(), hub.texts()], [[], []]);
});

test('a hidden slot is read by name and never listed', () => {
  const { main, hub } = twoThreads();
  main.root.hidden('cluster.c.host.127.0.0.1:80.rq_total').add(3);
  assert.equal(hub.hidden('cluster.c.host.127.0.0.1:80.rq_total'), 3);
  assert.deepEqual(hub.numbers(), []);
});

test('histograms of all threads are merged at a flush: the interval is the last one, the cumulative one all', () => {
  const { main, worker, hub, sync } = twoThreads();
  const [here, there] = [main.root.histogram('h', 'Milliseconds'), worker.root.histogram('h', 'Milliseconds')];
  sync();
  const flush = () => {
    hub.startInterval();
    hub.acceptHistograms(1, structuredClone(worker.takeHistogramInterval()));
  };
  here.record(5);
  there.record(70);
  assert.equal(hub.histogram('h')?.used, false);
  flush();
  assert.deepEqual(hub.histogram('h')?.interval.bins, [50, 170]);
  here.record(5);
  flush();
  assert.deepEqual(hub.histogram('h')?.interval.counts, [1]);
  assert.deepEqual(hub.histogram('h')?.cumulative.counts, [2, 1]);
});

test('a thread that ends leaves its counters and takes its gauges', () => {
  const { main, worker, hub, sync } = twoThreads();
  main.root.counter('c');
  main.root.gauge('g');
  worker.root.counter('c').add(3);
  worker.root.gauge('g').add(3);
  sync();
  hub.detach(1);
  assert.deepEqual([hub.counter('c'), hub.gauge('g')], [3, 0]);
});

test('a text readout shows the last text of whichever thread set it', () => {
  const { worker, hub, sync } = twoThreads();
  worker.root.textReadout('cluster_manager.version').set('v1');
  sync();
  assert.deepEqual(hub.texts(), [{ name: 'cluster_manager.version', value: 'v1', used: true }]);
});

test('blocks of hidden numbers add up over threads and leases, and their room is used again', () => {
  const { hub, main, worker, sync } = twoThreads();
  const [first, second] = [main.lease(), main.lease()];
  const [requests] = first.block('host|c|a', 3);
  assert.equal(second.block('host|c|a', 3)[0], requests);
  requests.add(2);
  const theirs = worker.lease();
  theirs.block('host|c|a', 3)[0].add(5);
  sync();
  assert.equal(hub.block('host|c|a', 0), 7);
  first.release();
  assert.equal(hub.block('host|c|a', 0), 7);
  second.release();
  // What the thread counted stays for as long as others count on.
  assert.equal(hub.block('host|c|a', 0), 7);
  theirs.release();
  sync();
  assert.equal(hub.block('host|c|a', 0), 0);
  requests.inc();
  const again = main.lease().block('host|c|b', 3);
  assert.deepEqual([again[0].value, hub.block('host|c|b', 0)], [0, 0]);
});

test('a block never reaches from one slab into the next', () => {
  const { hub, main } = twoThreads();
  const size = 1000;
  for (let i = 0; i < 10; i++) {
    const block = main.lease().block(`b${i}`, size);
    for (let place = 0; place < size; place++) block[place].add(i * size + place);
    main.root.counter(`c${i}`).inc();
  }
  for (let i = 0; i < 10; i++) {
    assert.equal(hub.block(`b${i}`, size - 1), i * size + size - 1);
    assert.equal(hub.counter(`c${i}`), 1);
  }
});
