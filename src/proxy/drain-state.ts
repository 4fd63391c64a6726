/**
 * Whether the server drains, and how much of it connections should feel by now: with the gradual strategy the share of responses that carry
 * `connection: close` grows from none to all over the drain time.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining
 */
import type { Clock } from '#base/clock.ts';
import type { Random } from '#base/random.ts';

export class DrainState {
  private readonly clock: Clock;
  private readonly drainTime: number;
  private gradual: boolean;
  private startedAt = -1;
  /** POST /healthcheck/fail was called: connections are asked to go, for as long as this is so. */
  unhealthy = false;

  /** @param drainTime in milliseconds */
  constructor(clock: Clock, drainTime: number, strategy: 'gradual' | 'immediate') {
    this.clock = clock;
    this.drainTime = drainTime;
    this.gradual = strategy === 'gradual';
  }

  /** One with the same settings, for a part of what this one is for. */
  another(): DrainState {
    return new DrainState(this.clock, this.drainTime, this.gradual ? 'gradual' : 'immediate');
  }

  get draining(): boolean {
    return this.startedAt >= 0;
  }

  /** @param immediate every connection closes with its next response, whatever the strategy: the process is about to end */
  start(immediate: boolean): void {
    if (immediate) this.gradual = false;
    if (this.startedAt < 0) this.startedAt = this.clock.now();
  }

  /** Whether a connection whose response is being sent should close. */
  closesNow(random: Random): boolean {
    if (this.startedAt < 0) return false;
    if (!this.gradual || this.drainTime === 0) return true;
    const share = (this.clock.now() - this.startedAt) / this.drainTime;
    return share >= 1 || random.uint32() / 0x1_0000_0000 < share;
  }
}
