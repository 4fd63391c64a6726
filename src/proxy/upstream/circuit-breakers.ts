/**
 * Limits on what a cluster may have under way, over all workers together: connections, waiting and running requests, retries, pools.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
 */
import type { CircuitBreakerThresholds, ClusterConfig } from '#config/model/cluster.ts';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Gauge, Scope } from '#proxy/observe/stats/metrics.ts';
import { leftOfNoLimit } from '#proxy/observe/stats/no-limit.ts';
import {
  type CircuitBreakerSlots,
  NUMBERS_PER_RESOURCE,
  PRIORITIES,
  RESOURCES,
} from '#proxy/upstream/circuit-breaker-slots.ts';
import { NO_RUNTIME, type RuntimeNumbers } from '#proxy/upstream/load-balancer/load-balancer.ts';

type ResourceName = (typeof RESOURCES)[number];
type Priority = (typeof PRIORITIES)[number];

/** What the second number of a resource says. */
const COUNTED = 1;
const ASKED = 2;

/** One number and its limit. */
export class Resource {
  max = 0;
  private readonly numbers: Int32Array;
  private readonly index: number;
  private readonly shared: boolean;

  /** @param shared whether other threads write the number too; alone, a plain addition does. */
  constructor(numbers: Int32Array, index: number, shared: boolean) {
    this.numbers = numbers;
    this.index = index;
    this.shared = shared;
  }

  get count(): number {
    return this.numbers[this.index];
  }

  canCreate(): boolean {
    return this.numbers[this.index] < this.max;
  }

  inc(): void {
    if (this.shared) Atomics.add(this.numbers, this.index, 1);
    else this.numbers[this.index]++;
    this.numbers[this.index + 1] = COUNTED;
  }

  dec(): void {
    if (this.shared) Atomics.sub(this.numbers, this.index, 1);
    else this.numbers[this.index]--;
  }

  /** Somebody wanted to know the limit; that it counted says more. */
  protected asked(): void {
    if (this.numbers[this.index + 1] === 0) this.numbers[this.index + 1] = ASKED;
  }
}

/** Retries have a fixed limit, or a budget: a share of the requests that are under way. */
export class RetryResource extends Resource {
  budget: { percent: number; minConcurrency: number } | undefined = undefined;
  private readonly limits: ResourceLimits;

  constructor(numbers: Int32Array, index: number, shared: boolean, limits: ResourceLimits) {
    super(numbers, index, shared);
    this.limits = limits;
  }

  /** The limit as it is at this moment. */
  get limit(): number {
    if (this.budget === undefined) return this.max;
    this.asked();
    const active = this.limits.requests.count + this.limits.pendingRequests.count;
    return Math.max(Math.floor((this.budget.percent / 100) * active), this.budget.minConcurrency);
  }

  override canCreate(): boolean {
    return this.count < this.limit;
  }
}

/** What Envoy fills in for the half of a budget that nobody names. */
const DEFAULT_BUDGET = { percent: 20, minConcurrency: 3 };
const UNSET = -1;

/** A key of the runtime alone makes a budget, too. @returns undefined: there is none */
function retryBudget(
  given: CircuitBreakerThresholds['retryBudget'],
  key: string,
  runtime: RuntimeNumbers,
): RetryResource['budget'] {
  const percent = { runtimeKey: `${key}budget_percent`, defaultValue: given?.budgetPercent ?? UNSET };
  const ofRequests = runtime.double(percent);
  const least = runtime.integer(`${key}min_retry_concurrency`, given?.minRetryConcurrency ?? UNSET);
  if (ofRequests === UNSET && least === UNSET) return undefined;
  return {
    percent: ofRequests === UNSET ? DEFAULT_BUDGET.percent : ofRequests,
    minConcurrency: least === UNSET ? DEFAULT_BUDGET.minConcurrency : least,
  };
}

/** The limits of one priority. */
export class ResourceLimits {
  readonly connections: Resource;
  readonly pendingRequests: Resource;
  readonly requests: Resource;
  readonly retries: RetryResource;
  readonly connectionPools: Resource;
  /** For each worker and host; infinite where not set. */
  maxConnectionsPerHost = Number.POSITIVE_INFINITY;

  constructor(numbers: Int32Array, index: number, shared: boolean) {
    const at = (resource: ResourceName) => index + RESOURCES.indexOf(resource) * NUMBERS_PER_RESOURCE;
    this.connections = new Resource(numbers, at('connections'), shared);
    this.pendingRequests = new Resource(numbers, at('pendingRequests'), shared);
    this.requests = new Resource(numbers, at('requests'), shared);
    this.retries = new RetryResource(numbers, at('retries'), shared, this);
    this.connectionPools = new Resource(numbers, at('connectionPools'), shared);
  }

  /** Takes limits from the configuration, or from the runtime where it has a value. @param key `circuit_breakers.<cluster>.<priority>.` */
  configure(thresholds: CircuitBreakerThresholds, key: string, runtime: RuntimeNumbers): void {
    this.connections.max = runtime.integer(`${key}max_connections`, thresholds.maxConnections);
    this.pendingRequests.max = runtime.integer(`${key}max_pending_requests`, thresholds.maxPendingRequests);
    this.requests.max = runtime.integer(`${key}max_requests`, thresholds.maxRequests);
    this.retries.max = runtime.integer(`${key}max_retries`, thresholds.maxRetries);
    this.connectionPools.max = runtime.integer(`${key}max_connection_pools`, thresholds.maxConnectionPools);
    this.maxConnectionsPerHost = thresholds.perHostMaxConnections ?? Number.POSITIVE_INFINITY;
    this.retries.budget = retryBudget(thresholds.retryBudget, `${key}retry_budget.`, runtime);
  }
}

/** The numbers of each buffer, for all clusters that have theirs in it. */
const VIEWS = new WeakMap<SharedArrayBuffer, Int32Array>();

function viewOf(buffer: SharedArrayBuffer): Int32Array {
  let view = VIEWS.get(buffer);
  if (view === undefined) {
    view = new Int32Array(buffer);
    VIEWS.set(buffer, view);
  }
  return view;
}

/** What `/clusters` tells of one priority. */
export type LimitsNow = Pick<
  CircuitBreakerThresholds,
  'maxConnections' | 'maxPendingRequests' | 'maxRequests' | 'maxRetries'
>;

/** Of a cluster. The limits of a priority are made when somebody asks for them: of many clusters few are called. */
export class CircuitBreakers {
  private readonly numbers: Int32Array;
  private readonly index: number;
  private readonly shared: boolean;
  private normal: ResourceLimits | undefined = undefined;
  private high: ResourceLimits | undefined = undefined;
  private config: ClusterConfig | undefined = undefined;
  private runtime: RuntimeNumbers = NO_RUNTIME;

  /** @param shared whether more than one thread counts here. */
  constructor(slots: CircuitBreakerSlots, shared: boolean) {
    this.numbers = viewOf(slots.buffer);
    this.index = slots.index;
    this.shared = shared;
  }

  get DEFAULT(): ResourceLimits {
    this.normal ??= this.limits('DEFAULT');
    return this.normal;
  }

  get HIGH(): ResourceLimits {
    this.high ??= this.limits('HIGH');
    return this.high;
  }

  /** Sets the limits: at first, and again when the cluster or the runtime changed. */
  configure(config: ClusterConfig, runtime: RuntimeNumbers = NO_RUNTIME): void {
    this.config = config;
    this.runtime = runtime;
    if (this.normal !== undefined) this.setLimits(this.normal, 'DEFAULT');
    if (this.high !== undefined) this.setLimits(this.high, 'HIGH');
  }

  /** The limits as they are at this moment. */
  limitsNow(priority: Priority): LimitsNow {
    const { connections, pendingRequests, requests, retries } = this[priority];
    return {
      maxConnections: connections.max,
      maxPendingRequests: pendingRequests.max,
      maxRequests: requests.max,
      maxRetries: retries.limit,
    };
  }

  /** Whether the resource ever counted, on any thread. */
  isUsed(priority: Priority, resource: ResourceName): boolean {
    return this.history(priority, resource) === COUNTED;
  }

  /** Whether anybody ever asked for a limit that is computed, or counted against it. */
  isAsked(priority: Priority, resource: ResourceName): boolean {
    return this.history(priority, resource) !== 0;
  }

  private history(priority: Priority, resource: ResourceName): number {
    return this.numbers[this.firstOf(priority) + RESOURCES.indexOf(resource) * NUMBERS_PER_RESOURCE + 1];
  }

  private limits(priority: Priority): ResourceLimits {
    const limits = new ResourceLimits(this.numbers, this.firstOf(priority), this.shared);
    this.setLimits(limits, priority);
    return limits;
  }

  private setLimits(limits: ResourceLimits, priority: Priority): void {
    if (this.config === undefined) return;
    const key = `circuit_breakers.${this.config.name}.${priority.toLowerCase()}.`;
    limits.configure(this.config.circuitBreakers[priority], key, this.runtime);
  }

  private firstOf(priority: Priority): number {
    return this.index + PRIORITIES.indexOf(priority) * RESOURCES.length * NUMBERS_PER_RESOURCE;
  }
}

/** The gauges of being at the limit, in the cluster's stats. */
const OPEN = {
  DEFAULT: {
    connections: 'defaultCxOpen',
    pendingRequests: 'defaultRqPendingOpen',
    requests: 'defaultRqOpen',
    retries: 'defaultRqRetryOpen',
    connectionPools: 'defaultCxPoolOpen',
  },
  HIGH: {
    connections: 'highCxOpen',
    pendingRequests: 'highRqPendingOpen',
    requests: 'highRqOpen',
    retries: 'highRqRetryOpen',
    connectionPools: 'highCxPoolOpen',
  },
} as const;
/** The names of those of what is left of it. */
const REMAINING = {
  connections: 'remaining_cx',
  pendingRequests: 'remaining_pending',
  requests: 'remaining_rq',
  retries: 'remaining_retries',
  connectionPools: 'remaining_cx_pools',
} as const;

/**
 * Shows the breakers among the stats, on the main thread. Gauges are set when somebody reads, not when workers count. As in Envoy, those of
 * retries know max_retries alone, not a budget.
 * @param scope the cluster's own, `cluster.<name>.`
 * @returns what to call before stats are read.
 */
export function circuitBreakerGauges(breakers: CircuitBreakers, config: ClusterConfig, scope: Scope): () => void {
  const stats = clusterStats(scope);
  const left: { resource: Resource; gauge: Gauge; isAsked: () => boolean }[] = [];
  for (const priority of PRIORITIES) {
    if (!config.circuitBreakers[priority].trackRemaining) continue;
    const gauges = scope.scope(`circuit_breakers.${priority.toLowerCase()}`);
    for (const name of RESOURCES) {
      left.push({
        resource: breakers[priority][name],
        gauge: gauges.gauge(REMAINING[name]),
        isAsked: () => breakers.isAsked(priority, name),
      });
    }
  }
  const refresh = () => {
    for (const priority of PRIORITIES) {
      for (const name of RESOURCES) {
        if (!breakers.isUsed(priority, name)) continue;
        const resource = breakers[priority][name];
        stats.set(OPEN[priority][name], resource.count < resource.max ? 0 : 1);
      }
    }
    for (const { resource, gauge, isAsked } of left) {
      gauge.set(hasBudget(resource) && isAsked() ? 0 : leftOf(resource));
    }
  };
  refresh();
  return refresh;
}

function leftOf({ max, count }: Resource): number {
  return max === Number.POSITIVE_INFINITY ? leftOfNoLimit(count) : Math.max(0, max - count);
}

function hasBudget(resource: Resource): boolean {
  return resource instanceof RetryResource && resource.budget !== undefined;
}
