/**
 * When a name is resolved again. One for each cluster: its names share the back-off, as in Envoy.
 * Follows config.cluster.v3.Cluster: dns_refresh_rate, dns_failure_refresh_rate, respect_dns_ttl, dns_jitter.
 */
import type { Random } from '#base/random.ts';
import type { DnsOptions } from '#config/model/cluster.ts';

type RefreshOptions = Pick<
  DnsOptions,
  'refreshRate' | 'failureRefreshRate' | 'respectTtl' | 'minRefreshRate' | 'jitter'
>;

export class RefreshRate {
  private readonly options: RefreshOptions;
  private readonly random: Random;
  private backOff: number;

  constructor(options: RefreshOptions, random: Random) {
    this.options = options;
    this.random = random;
    this.backOff = options.failureRefreshRate.baseInterval;
  }

  /** @param ttl seconds, 0 where none is known. @returns milliseconds. */
  afterSuccess(ttl: number): number {
    const { refreshRate, respectTtl, minRefreshRate = 0, jitter, failureRefreshRate } = this.options;
    this.backOff = failureRefreshRate.baseInterval;
    const rate = respectTtl && ttl > 0 ? Math.max(ttl * 1000, minRefreshRate) : refreshRate;
    return jitter > 0 ? rate + this.below(jitter) : rate;
  }

  /** @returns milliseconds: anything below an interval that doubles with each failure. */
  afterFailure(): number {
    const { fixed, maxInterval } = this.options.failureRefreshRate;
    const interval = this.backOff;
    if (fixed) return interval;
    this.backOff = Math.min(interval * 2, maxInterval);
    return this.below(interval);
  }

  /** A whole number of milliseconds, from 0 up to the limit. */
  private below(limit: number): number {
    return this.random.uint32() % Math.max(1, Math.floor(limit));
  }
}
