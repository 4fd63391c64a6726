/**
 * Tells who wants resources when the first answer does not come in time.
 * Follows config.core.v3.ConfigSource.initial_fetch_timeout.
 */
import type { Schedule } from '#base/timers.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import type { DiscoveryUpdate, FetchFailure, SubscriptionOwner } from '#proxy/xds/subscription.ts';
import type { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';

export class FetchTimer implements SubscriptionOwner {
  private readonly owner: SubscriptionOwner;
  private readonly stats: SubscriptionStats;
  private readonly cancelTimer: () => void;
  private answered = false;

  constructor(
    owner: SubscriptionOwner,
    { initialFetchTimeout }: ConfigSource,
    stats: SubscriptionStats,
    schedule: Schedule,
  ) {
    this.owner = owner;
    this.stats = stats;
    this.cancelTimer = initialFetchTimeout > 0 ? schedule(initialFetchTimeout, () => this.expire()) : () => {};
  }

  onUpdate(update: DiscoveryUpdate): void | Promise<void> {
    this.settle();
    return this.owner.onUpdate(update);
  }

  onFailure(reason: FetchFailure): void {
    this.settle();
    this.owner.onFailure(reason);
  }

  /** Nobody waits any more. */
  settle(): void {
    this.answered = true;
    this.cancelTimer();
  }

  private expire(): void {
    if (this.answered) return;
    this.answered = true;
    this.stats.fetchTimeout.inc();
    this.owner.onFailure('timed_out');
  }
}
