/**
 * What a cluster may have under way, by routing priority.
 * Follows envoy.config.cluster.v3.CircuitBreakers.
 */
import type { Place } from '#api/place.ts';
import type { CircuitBreakerThresholds, ClusterConfig } from '#config/model/cluster.ts';
import { honours } from '#config/read/support.ts';
import type {
  CircuitBreakers,
  CircuitBreakers_Thresholds,
  CircuitBreakers_Thresholds_RetryBudget,
} from '#envoy/config/cluster/v3/circuit_breaker_pb.js';

const TYPE = 'envoy.config.cluster.v3.CircuitBreakers';
const check = honours(TYPE, ['thresholds', 'per_host_thresholds']);
const checkThresholds = honours(`${TYPE}.Thresholds`, [
  'priority',
  'max_connections',
  'max_pending_requests',
  'max_requests',
  'max_retries',
  'retry_budget',
  'track_remaining',
  'max_connection_pools',
]);
const checkBudget = honours(`${TYPE}.Thresholds.RetryBudget`, ['budget_percent', 'min_retry_concurrency']);

const DEFAULT = 0;
const HIGH = 1;
const DEFAULTS: Omit<CircuitBreakerThresholds, 'maxConnectionPools'> = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  trackRemaining: false,
};

export function readCircuitBreakers(message: CircuitBreakers | undefined, at: Place): ClusterConfig['circuitBreakers'] {
  if (message === undefined) return { DEFAULT: readThresholds(undefined, at), HIGH: readThresholds(undefined, at) };
  check(message, at);
  const perHost = message.perHostThresholds;
  for (let i = 0; i < perHost.length; i++) checkPerHost(perHost[i], at.field('per_host_thresholds').index(i));
  return { DEFAULT: readPriority(message, DEFAULT, at), HIGH: readPriority(message, HIGH, at) };
}

/** Of several for one priority the first counts. */
function readPriority(message: CircuitBreakers, priority: number, at: Place): CircuitBreakerThresholds {
  const index = message.thresholds.findIndex((thresholds) => thresholds.priority === priority);
  const read = readThresholds(message.thresholds[index], at.field('thresholds').index(Math.max(0, index)));
  const perHost = message.perHostThresholds.find((thresholds) => thresholds.priority === priority)?.maxConnections;
  return perHost === undefined ? read : { ...read, perHostMaxConnections: perHost };
}

function checkPerHost(message: CircuitBreakers_Thresholds, at: Place): void {
  const { maxPendingRequests, maxRequests, maxRetries, maxConnectionPools, retryBudget } = message;
  const others = [maxPendingRequests, maxRequests, maxRetries, maxConnectionPools, retryBudget];
  if (others.some((other) => other !== undefined) || message.trackRemaining) {
    at.report('Unsupported field in per_host_thresholds', "only 'priority' and 'max_connections' may be set");
  }
}

function readThresholds(message: CircuitBreakers_Thresholds | undefined, at: Place): CircuitBreakerThresholds {
  if (message === undefined) return { ...DEFAULTS, maxConnectionPools: Number.POSITIVE_INFINITY };
  checkThresholds(message, at);
  const { retryBudget } = message;
  return {
    maxConnections: message.maxConnections ?? DEFAULTS.maxConnections,
    maxPendingRequests: message.maxPendingRequests ?? DEFAULTS.maxPendingRequests,
    maxRequests: message.maxRequests ?? DEFAULTS.maxRequests,
    maxRetries: message.maxRetries ?? DEFAULTS.maxRetries,
    ...(retryBudget === undefined ? {} : { retryBudget: readBudget(retryBudget, at.field('retry_budget')) }),
    trackRemaining: message.trackRemaining,
    maxConnectionPools: message.maxConnectionPools ?? Number.POSITIVE_INFINITY,
  };
}

function readBudget(message: CircuitBreakers_Thresholds_RetryBudget, at: Place) {
  checkBudget(message, at);
  return {
    budgetPercent: message.budgetPercent?.value ?? 20,
    minRetryConcurrency: message.minRetryConcurrency ?? 3,
  };
}
