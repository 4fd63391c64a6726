/** Turns by weight: their order, wherever the scheduler begins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdfScheduler } from '#proxy/upstream/load-balancer/edf-scheduler.ts';

test('wherever turns begin, they follow the one order that Envoy has for these weights', () => {
  // As twenty runs of Envoy with a cluster of these weights showed.
  const orders = [
    { weights: [1, 3, 6], order: '3663663661' },
    { weights: [1, 2], order: '221' },
  ];
  for (const { weights, order } of orders) {
    for (let turns = 0; turns < 3000; turns += 7) {
      const scheduler = new EdfScheduler(weights, (weight) => weight, turns);
      let seen = '';
      for (let i = 0; i < order.length; i++) seen += scheduler.next();
      assert.ok(order.repeat(2).includes(seen), `${turns} turns taken, then ${seen}`);
    }
  }
});
