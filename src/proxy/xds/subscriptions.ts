/**
 * Makes what fetches resources from a source, whatever its kind.
 * Follows config.core.v3.ConfigSource.
 */
import type { Schedule } from '#base/timers.ts';
import type { UnknownFields } from '#config/load-resource.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import type { SubscriptionRequest } from '#proxy/xds/discovery-context.ts';
import { FileSubscription } from '#proxy/xds/file-subscription.ts';
import type { DiscoveryUpdate, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';
import { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';

export interface SubscriptionsParts {
  unknownFields: UnknownFields;
  schedule: Schedule;
}

export class Subscriptions {
  private readonly parts: SubscriptionsParts;

  constructor(parts: SubscriptionsParts) {
    this.parts = parts;
  }

  subscribe({ source, typeName, owner, scope }: SubscriptionRequest): Subscription {
    const stats = new SubscriptionStats(scope);
    const { from } = source;
    const { unknownFields } = this.parts;
    if (from.kind === 'path') {
      const { path, watchedDirectory } = from;
      return new FileSubscription({ path, watchedDirectory, typeName, owner, stats, unknownFields });
    }
    throw new Error(`resources are not fetched from a source of kind ${from.kind} yet`);
  }
}

/** Tells the owner when the first answer does not come in time. */
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

  onFailure(reason: 'timed_out' | 'rejected'): void {
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
