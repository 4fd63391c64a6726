/**
 * Whether and when a request is tried again. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
import type { RetryPolicy } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { PreviousPriorities } from '#proxy/http/router/previous-priorities.ts';
import type { ResponseAccount } from '#proxy/http/router/response-account.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import { compileHeaders } from '#selection/match-header.ts';
import type { HeaderView } from '#selection/request-view.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const On = {
  '5xx': 1,
  'gateway-error': 2,
  'connect-failure': 4,
  'retriable-4xx': 8,
  'refused-stream': 16,
  'retriable-status-codes': 32,
  reset: 64,
  'retriable-headers': 128,
  'envoy-ratelimited': 256,
  'reset-before-request': 512,
  'http3-post-connect-failure': 1024,
  cancelled: 2048,
  'deadline-exceeded': 4096,
  'resource-exhausted': 8192,
  unavailable: 16384,
  internal: 32768,
} as const;

const grpcConditions: [number, string][] = [
  [On.cancelled, '1'],
  [On['deadline-exceeded'], '4'],
  [On['resource-exhausted'], '8'],
  [On.internal, '13'],
  [On.unavailable, '14'],
];
const ANY_GRPC = grpcConditions.reduce((all, [bit]) => all | bit, 0);

/** What x-envoy-retry-grpc-on, and what x-envoy-retry-on may ask for. */
export const GRPC_CONDITIONS = ANY_GRPC;
export const HTTP_CONDITIONS = ~ANY_GRPC;
/** x-envoy-max-retries, as far as 64 bits go. */
const RETRIES = /^\+?\d{1,19}$/;
const STATUS = /^\s*\+?\d+\s*$/;

/** @returns the conditions as bits; words that are not known are passed over, as Envoy does. */
export function retryConditions(words: readonly string[]): number {
  let bits = 0;
  for (const word of words) bits |= On[word.trim() as keyof typeof On] ?? 0;
  return bits;
}

/** A route's or virtual host's policy, compiled. */
export interface CompiledRetryPolicy {
  conditions: number;
  policy: RetryPolicy;
  retriableHeaders: ((headers: HeaderView) => boolean)[];
  retriableRequestHeaders: ((headers: HeaderView) => boolean)[];
}

const compiledPolicies = new WeakMap<RetryPolicy, CompiledRetryPolicy>();

function compiled(policy: RetryPolicy): CompiledRetryPolicy {
  let result = compiledPolicies.get(policy);
  if (result === undefined) {
    result = {
      conditions: retryConditions(policy.retryOn),
      policy,
      retriableHeaders: policy.retriableHeaders.map((matcher) => compileHeaders([matcher])),
      retriableRequestHeaders: policy.retriableRequestHeaders.map((matcher) => compileHeaders([matcher])),
    };
    compiledPolicies.set(policy, result);
  }
  return result;
}

/** Why a retry does not happen. */
export type RetryVerdict = 'yes' | 'no' | 'no_overflow' | 'no_limit_exceeded';

export class RetryState {
  readonly conditions: number;
  readonly perTryTimeout: number;
  private left: number;
  private tried = 0;
  private readonly statusCodes: readonly number[];
  private readonly policy: CompiledRetryPolicy | undefined;
  private readonly headerNames: readonly string[];
  private readonly cluster: Cluster;
  private readonly account: ResponseAccount;
  private readonly priority: 'DEFAULT' | 'HIGH';
  private readonly priorities: PreviousPriorities | undefined;
  private counted = false;
  /** What the last answer asked for, in milliseconds; -1: nothing. */
  private askedBackOff = -1;

  private constructor(
    cluster: Cluster,
    account: ResponseAccount,
    priority: 'DEFAULT' | 'HIGH',
    policy: CompiledRetryPolicy | undefined,
    asked: { conditions: number; retries: number; codes: number[]; names: string[]; perTryTimeout: number },
  ) {
    this.cluster = cluster;
    this.account = account;
    this.priority = priority;
    this.policy = policy;
    this.conditions = asked.conditions;
    this.left = asked.retries;
    this.statusCodes = asked.codes;
    this.headerNames = asked.names;
    this.perTryTimeout = asked.perTryTimeout;
    const shares = policy?.policy.previousPriorities;
    this.priorities = shares && new PreviousPriorities(shares.updateFrequency);
  }

  /**
   * Reads policy and x-envoy-retry-* headers, and takes those headers out of the request.
   * @returns undefined where nothing is retried
   */
  static of(
    stream: HttpStream,
    cluster: Cluster,
    account: ResponseAccount,
    routePolicy: RetryPolicy | undefined,
    priority: 'DEFAULT' | 'HIGH',
    perTryTimeout: number,
  ): RetryState | undefined {
    const headers = stream.requestHeaders;
    const on = take(headers, Known['x-envoy-retry-on']);
    const grpcOn = take(headers, Known['x-envoy-retry-grpc-on']);
    const maximum = take(headers, Known['x-envoy-max-retries']);
    const codes = take(headers, Known['x-envoy-retriable-status-codes']);
    const names = take(headers, Known['x-envoy-retriable-header-names']);
    if (routePolicy === undefined && on === undefined && grpcOn === undefined) return undefined;
    const policy = routePolicy && compiled(routePolicy);
    let conditions = policy?.conditions ?? 0;
    if (on !== undefined) conditions |= retryConditions(on.split(',')) & HTTP_CONDITIONS;
    if (grpcOn !== undefined) conditions |= retryConditions(grpcOn.split(',')) & GRPC_CONDITIONS;
    if (conditions === 0 || (policy !== undefined && !mayBeRetried(policy, headers))) return undefined;
    // Envoy keeps 32 bits of the number.
    const limit =
      maximum !== undefined && RETRIES.test(maximum) ? Number(maximum) % 2 ** 32 : (policy?.policy.numRetries ?? 1);
    return new RetryState(cluster, account, priority, policy, {
      conditions,
      retries: limit,
      codes: [...(policy?.policy.retriableStatusCodes ?? []), ...statusCodes(codes)],
      names: names?.split(',').map((name) => name.trim().toLowerCase()) ?? [],
      perTryTimeout: perTryTimeout > 0 ? perTryTimeout : (policy?.policy.perTryTimeout ?? 0),
    });
  }

  /** A response head came: is it to be tried again? @param now milliseconds since the epoch. */
  onResponse(status: number, headers: Headers, now: number): RetryVerdict {
    if (!this.wouldRetry(status, headers)) return this.settled('no');
    this.askedBackOff = this.resetInterval(headers, now);
    return this.decide();
  }

  /** The attempt was broken off. */
  onReset(reason: ResetReason, requestSent: boolean): RetryVerdict {
    const { conditions } = this;
    if (reason === 'overflow') return this.settled('no');
    const connectFailure =
      reason === 'connection_failure' ||
      reason === 'remote_connection_failure' ||
      reason === 'local_connection_failure' ||
      reason === 'connection_timeout';
    const wanted =
      (conditions & (On.reset | On['5xx'] | On['gateway-error'])) !== 0 ||
      ((conditions & On['connect-failure']) !== 0 && connectFailure) ||
      ((conditions & On['refused-stream']) !== 0 && reason === 'remote_refused_stream_reset') ||
      ((conditions & On['reset-before-request']) !== 0 && !requestSent);
    return wanted ? this.decide() : this.settled('no');
  }

  /** The attempt took longer than per_try_timeout. */
  onPerTryTimeout(): RetryVerdict {
    const wanted = (this.conditions & (On.reset | On['5xx'] | On['gateway-error'])) !== 0;
    return wanted ? this.decide() : this.settled('no');
  }

  /** With hedging the attempt goes on, so that its timeout is no failure that the policy has to name. */
  onSoftTimeout(): RetryVerdict {
    return this.decide();
  }

  /** Whether an answer would be tried again if there were a retry left. */
  wouldRetry(status: number, headers: Headers): boolean {
    const { conditions } = this;
    if (headers.hasKnown(Known['x-envoy-ratelimited'])) return (conditions & On['envoy-ratelimited']) !== 0;
    if ((conditions & On['5xx']) !== 0 && status >= 500) return true;
    if ((conditions & On['gateway-error']) !== 0 && status >= 502 && status <= 504) return true;
    if ((conditions & On['retriable-4xx']) !== 0 && status === 409) return true;
    if ((conditions & On['retriable-status-codes']) !== 0 && this.statusCodes.includes(status)) return true;
    if ((conditions & On['retriable-headers']) !== 0) {
      if (this.policy?.retriableHeaders.some((matcher) => matcher(headers))) return true;
      if (this.headerNames.some((name) => headers.has(name))) return true;
    }
    if ((conditions & ANY_GRPC) !== 0) {
      const grpc = headers.getKnown(Known['grpc-status']);
      if (grpc !== undefined && grpcConditions.some(([bit, code]) => (conditions & bit) !== 0 && grpc === code))
        return true;
    }
    return false;
  }

  /** Counts what became of the last retry. */
  private settled(verdict: RetryVerdict): RetryVerdict {
    if (this.counted) {
      this.release();
      if (verdict === 'no') this.account.retry('upstreamRqRetrySuccess');
    }
    return verdict;
  }

  private decide(): RetryVerdict {
    this.release();
    if (this.left === 0) {
      this.account.retry('upstreamRqRetryLimitExceeded');
      return 'no_limit_exceeded';
    }
    const retries = this.cluster.breakers[this.priority].retries;
    if (!retries.canCreate()) {
      this.account.retry('upstreamRqRetryOverflow');
      return 'no_overflow';
    }
    const { runtime, random } = this.cluster.worker;
    if (!runtime.percentEnabled('upstream.use_retry', 100, random.uint32())) return 'no';
    this.left--;
    this.tried++;
    retries.inc();
    this.counted = true;
    return 'yes';
  }

  /** What to mind when the next attempt's host is chosen; undefined: nothing. */
  hostChoice(tried: readonly Host[], request: LoadBalancerContext['request']): LoadBalancerContext | undefined {
    const policy = this.policy?.policy;
    if (policy === undefined) return undefined;
    const { priorities } = this;
    if (policy.retryHostPredicates.length === 0 && priorities === undefined) return undefined;
    const previous = policy.retryHostPredicates.some(
      ({ name }) => name === 'envoy.retry_host_predicates.previous_hosts',
    );
    const canaries = policy.retryHostPredicates.some(
      ({ name }) => name === 'envoy.retry_host_predicates.omit_canary_hosts',
    );
    return {
      request,
      hostSelectionRetryCount: policy.hostSelectionRetryMaxAttempts,
      shouldSelectAnotherHost: (host) => (previous && tried.includes(host)) || (canaries && host.canary),
      determinePriorityLoad: priorities && ((sets, load) => priorities.determine(sets, load, tried)),
    };
  }

  /** Gives back the retry that counts against the breaker, if there is one. */
  release(): void {
    if (!this.counted) return;
    this.counted = false;
    this.cluster.breakers[this.priority].retries.dec();
  }

  /** Milliseconds that the answer's own headers ask to wait (rate_limited_retry_back_off), or -1. */
  private resetInterval(headers: Headers, now: number): number {
    const limited = this.policy?.policy.rateLimitedBackOff;
    if (limited === undefined) return -1;
    for (const { name, format } of limited.resetHeaders) {
      const value = headers.get(name);
      if (value === undefined || !/^\d{1,12}$/.test(value)) continue;
      const interval = format === 'SECONDS' ? Number(value) * 1000 : Number(value) * 1000 - now;
      if (interval > 0 && interval <= limited.maxInterval) return interval;
    }
    return -1;
  }

  /** The wait is over: the next attempt begins, which is counted from here on. */
  begins(): void {
    const { stats } = this.cluster;
    this.account.retry('upstreamRqRetry');
    (this.askedBackOff >= 0 ? stats.upstreamRqRetryBackoffRatelimited : stats.upstreamRqRetryBackoffExponential).inc();
    this.askedBackOff = -1;
  }

  /** Milliseconds until the next attempt: what the last answer asked for, else exponential with full jitter. */
  backOff(random: number): number {
    const asked = this.askedBackOff;
    if (asked >= 0) {
      // Up to half as much again, so that not everybody comes back at once.
      return asked + (random % Math.max(1, asked >> 1));
    }
    const { baseInterval, maxInterval } = this.policy?.policy.backOff ?? this.usualBackOff();
    const ceiling = Math.min(baseInterval * 2 ** (this.tried - 1), maxInterval);
    return Math.min(maxInterval, random % Math.max(1, Math.round(ceiling)));
  }

  /** Where no policy says how long to wait. */
  private usualBackOff(): NonNullable<RetryPolicy['backOff']> {
    const baseInterval = this.cluster.worker.runtime.integer('upstream.base_retry_backoff_ms', 25);
    return { baseInterval, maxInterval: baseInterval * 10 };
  }
}

/** Whether the policy, where it minds headers of the request, lets this one be tried again. */
function mayBeRetried({ retriableRequestHeaders }: CompiledRetryPolicy, headers: Headers): boolean {
  return retriableRequestHeaders.length === 0 || retriableRequestHeaders.some((matcher) => matcher(headers));
}

function statusCodes(list: string | undefined): number[] {
  return list?.split(',').flatMap((code) => (STATUS.test(code) ? Number(code) : [])) ?? [];
}

function take(headers: Headers, id: number): string | undefined {
  const value = headers.getKnown(id);
  if (value !== undefined) headers.removeKnown(id);
  return value;
}
