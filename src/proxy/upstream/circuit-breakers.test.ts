import assert from 'node:assert/strict';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { CircuitBreakerTable } from '#proxy/upstream/circuit-breaker-slots.ts';
import { CircuitBreakers, circuitBreakerGauges } from '#proxy/upstream/circuit-breakers.ts';
import { RuntimeView } from '#selection/runtime-view.ts';
import { clusterConfig } from '#testing/cluster-samples.ts';
import { PlainScope } from '#testing/plain-scope.ts';

const thresholds = {
  maxConnections: 2,
  maxPendingRequests: 1,
  maxRequests: 4,
  maxRetries: 1,
  trackRemaining: true,
  maxConnectionPools: 1,
};
const config = clusterConfig({ circuitBreakers: { DEFAULT: thresholds, HIGH: { ...thresholds, maxConnections: 9 } } });

function breakers(changes: Partial<typeof config> = {}) {
  const made = new CircuitBreakers(new CircuitBreakerTable().slots('one'), false);
  made.configure({ ...config, ...changes });
  return made;
}

test('a resource is given out up to its limit, each priority by itself', () => {
  const { DEFAULT, HIGH } = breakers();
  DEFAULT.connections.inc();
  assert.equal(DEFAULT.connections.canCreate(), true);
  DEFAULT.connections.inc();
  assert.equal(DEFAULT.connections.canCreate(), false);
  assert.equal(HIGH.connections.canCreate(), true);
  DEFAULT.connections.dec();
  assert.equal(DEFAULT.connections.canCreate(), true);
  assert.deepEqual([DEFAULT.requests.count, HIGH.connections.count, HIGH.connections.max], [0, 0, 9]);
});

test('gauges show which are at their limit and what remains, when they are read', () => {
  const scope = new PlainScope();
  const made = breakers();
  const refresh = circuitBreakerGauges(made, config, scope);
  const gauge = (name: string) => scope.value(`circuit_breakers.default.${name}`);
  assert.deepEqual([gauge('cx_open'), gauge('remaining_cx'), gauge('remaining_rq')], [0, 2, 4]);
  made.DEFAULT.connections.inc();
  made.DEFAULT.connections.inc();
  made.DEFAULT.requests.inc();
  refresh();
  assert.deepEqual([gauge('cx_open'), gauge('remaining_cx'), gauge('rq_open'), gauge('remaining_rq')], [1, 0, 0, 3]);
  made.DEFAULT.connections.dec();
  refresh();
  assert.equal(gauge('cx_open'), 0);
});

test('what remains is shown only where it is tracked', () => {
  const scope = new PlainScope();
  const plain = clusterConfig();
  circuitBreakerGauges(breakers(), plain, scope);
  assert.equal(scope.value('circuit_breakers.high.rq_retry_open'), 0);
  assert.equal(scope.value('circuit_breakers.high.remaining_cx'), undefined);
});

test('a retry budget follows the requests under way and never falls below its least', () => {
  const budget = { ...thresholds, retryBudget: { budgetPercent: 50, minRetryConcurrency: 2 } };
  const { DEFAULT } = breakers({ circuitBreakers: { DEFAULT: budget, HIGH: budget } });
  assert.equal(DEFAULT.retries.limit, 2);
  for (let i = 0; i < 9; i++) DEFAULT.requests.inc();
  DEFAULT.pendingRequests.inc();
  assert.equal(DEFAULT.retries.limit, 5);
  for (let i = 0; i < 5; i++) DEFAULT.retries.inc();
  assert.equal(DEFAULT.retries.canCreate(), false);
});

test('the runtime overrides limits by their keys', () => {
  const made = breakers();
  const runtime = new RuntimeView({
    layers: [],
    values: {
      'circuit_breakers.one.high.max_requests': { raw: '77', number: 77 },
      'circuit_breakers.one.default.retry_budget.budget_percent': { raw: '12.5', number: 12.5 },
    },
  });
  made.configure(config, runtime);
  assert.deepEqual([made.HIGH.requests.max, made.DEFAULT.requests.max], [77, 4]);
  assert.deepEqual(made.DEFAULT.retries.budget, { percent: 12.5, minConcurrency: 3 });
  assert.equal(made.HIGH.retries.budget, undefined);
});

test('clusters have places of their own, also beyond one buffer, and a freed place starts at zero', () => {
  const table = new CircuitBreakerTable();
  const seen = new Set<string>();
  const buffers: SharedArrayBuffer[] = [];
  for (let i = 0; i < 600; i++) {
    const { buffer, index } = table.slots(`cluster-${i}`);
    if (!buffers.includes(buffer)) buffers.push(buffer);
    seen.add(`${buffers.indexOf(buffer)}/${index}`);
  }
  assert.equal(seen.size, 600);
  const first = new CircuitBreakers(table.slots('cluster-7'), false);
  first.DEFAULT.requests.inc();
  assert.equal(new CircuitBreakers(table.slots('cluster-7'), false).DEFAULT.requests.count, 1);
  table.free('cluster-7');
  assert.equal(new CircuitBreakers(table.slots('other'), false).DEFAULT.requests.count, 0);
});

test('two threads count in one number', async () => {
  const slots = new CircuitBreakerTable().slots('one');
  const source = `
    const { workerData } = require('node:worker_threads');
    import(workerData.module).then(({ CircuitBreakers }) => {
      const { requests } = new CircuitBreakers(workerData.slots, true).DEFAULT;
      for (let i = 0; i < 20000; i++) requests.inc();
    });`;
  const module = new URL('./circuit-breakers.ts', import.meta.url).href;
  const worker = new Worker(source, { eval: true, workerData: { slots, module } });
  const { requests } = new CircuitBreakers(slots, true).DEFAULT;
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  await new Promise((resolve) => worker.once('online', resolve));
  for (let i = 0; i < 20000; i++) requests.inc();
  await ended;
  assert.equal(requests.count, 40000);
});
