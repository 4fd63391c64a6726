import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCircuitBreakers } from '#config/read/circuit-breakers.ts';
import type { Json } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

function read(fields: Json) {
  return readMessage('envoy.config.cluster.v3.CircuitBreakers', fields, readCircuitBreakers);
}

const DEFAULTS = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  trackRemaining: false,
  maxConnectionPools: Number.POSITIVE_INFINITY,
};

test('each priority has its own limits, and the defaults of Envoy where none are given', () => {
  const { value } = read({ thresholds: [{ priority: 'HIGH', max_connections: 1, max_connection_pools: 2 }] });
  assert.deepEqual(value?.DEFAULT, DEFAULTS);
  assert.deepEqual(value?.HIGH, { ...DEFAULTS, maxConnections: 1, maxConnectionPools: 2 });
});

test('of two limits for one priority the first counts', () => {
  const { value } = read({ thresholds: [{ max_requests: 1 }, { max_requests: 2 }] });
  assert.equal(value?.DEFAULT.maxRequests, 1);
});

test('a retry budget has the defaults of Envoy', () => {
  const { value } = read({ thresholds: [{ retry_budget: {} }] });
  assert.deepEqual(value?.DEFAULT.retryBudget, { budgetPercent: 20, minRetryConcurrency: 3 });
});

test('a host has a limit of connections, and no other', () => {
  assert.equal(read({ per_host_thresholds: [{ max_connections: 4 }] }).value?.DEFAULT.perHostMaxConnections, 4);
  assert.deepEqual(read({ per_host_thresholds: [{ max_requests: 4 }] }).errors, [
    'per_host_thresholds[0]: Unsupported field in per_host_thresholds',
  ]);
});
