/** Allows so many things at once, and so many a second after them. Follows config.core.v3.RateLimitSettings. */
import type { Clock } from '#base/clock.ts';

export class TokenBucket {
  private readonly clock: Clock;
  private readonly maximum: number;
  /** A second. */
  private readonly rate: number;
  private tokens: number;
  private filledAt: number;

  constructor(clock: Clock, { maxTokens, fillRate }: { maxTokens: number; fillRate: number }) {
    this.clock = clock;
    this.maximum = maxTokens;
    this.rate = fillRate;
    this.tokens = maxTokens;
    this.filledAt = clock.now();
  }

  take(): boolean {
    this.fill();
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** Milliseconds until there is a token. */
  get wait(): number {
    this.fill();
    return Math.max(1, Math.ceil(((1 - this.tokens) * 1000) / this.rate));
  }

  private fill(): void {
    const now = this.clock.now();
    this.tokens = Math.min(this.maximum, this.tokens + ((now - this.filledAt) * this.rate) / 1000);
    this.filledAt = now;
  }
}
