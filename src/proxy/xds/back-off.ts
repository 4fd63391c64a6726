/**
 * How long to wait before the next attempt: a random part of an interval that doubles each time.
 * Follows Envoy's JitteredExponentialBackOffStrategy and config.core.v3.BackoffStrategy.
 */
import type { Random } from '#base/random.ts';

const BASE = 500;
const MAXIMUM = 30_000;

export class BackOff {
  private readonly random: Random;
  private readonly base: number;
  private readonly maximum: number;
  private interval: number;

  constructor(random: Random, { baseInterval = BASE, maxInterval = MAXIMUM } = {}) {
    this.random = random;
    this.base = baseInterval;
    this.maximum = maxInterval;
    this.interval = baseInterval;
  }

  /** Milliseconds, at least one. */
  next(): number {
    const { interval } = this;
    this.interval = Math.min(interval * 2, this.maximum);
    return Math.max(1, this.random.uint32() % Math.ceil(interval));
  }

  /** The other side answers: the next failure is a first one again. */
  reset(): void {
    this.interval = this.base;
  }
}
