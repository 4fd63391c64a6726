/**
 * A bucket of tokens that fills evenly over time and that all threads share.
 * Follows envoy.type.v3.TokenBucket, as Envoy's local rate limits use it.
 */

/** Plain data: it goes to other threads with the configuration, and its state is the same memory there. */
export interface TokenBucketConfig {
  maxTokens: number;
  tokensPerFill: number;
  /** Milliseconds between fills of `tokensPerFill`. */
  fillInterval: number;
  /** When the bucket would have been empty, had nobody taken any since: microseconds since the epoch; 0: nobody asked yet. */
  state: SharedArrayBuffer;
}

export const TOKEN_BUCKET_STATE_SIZE = 8;

export class TokenBucket {
  private readonly emptyAt: BigInt64Array;
  private readonly maxTokens: number;
  private readonly perMicrosecond: number;

  constructor({ maxTokens, tokensPerFill, fillInterval, state }: TokenBucketConfig) {
    this.emptyAt = new BigInt64Array(state);
    this.maxTokens = maxTokens;
    this.perMicrosecond = tokensPerFill / (fillInterval * 1000);
  }

  /**
   * Takes `count` tokens where there are so many.
   * @param now milliseconds since the epoch, with fractions
   */
  take(now: number, count = 1): boolean {
    const microseconds = now * 1000;
    for (;;) {
      const seen = Atomics.load(this.emptyAt, 0);
      const tokens = this.tokensAt(microseconds, seen);
      if (tokens < count) return false;
      const emptyAt = BigInt(Math.round(microseconds - (tokens - count) / this.perMicrosecond));
      if (Atomics.compareExchange(this.emptyAt, 0, seen, emptyAt) === seen) return true;
    }
  }

  /** How many tokens there are, with fractions. @param now as for `take` */
  tokens(now: number): number {
    return this.tokensAt(now * 1000, Atomics.load(this.emptyAt, 0));
  }

  private tokensAt(microseconds: number, emptyAt: bigint): number {
    if (emptyAt === 0n) return this.maxTokens;
    return Math.min(this.maxTokens, (microseconds - Number(emptyAt)) * this.perMicrosecond);
  }
}
