/**
 * Makes what fetches resources from a source, whatever its kind.
 * Follows config.core.v3.ConfigSource.
 */
import type { UnknownFields } from '#config/load-resource.ts';
import type { ApiConfigSource } from '#config/model/config-source.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { SubscriptionRequest } from '#proxy/xds/discovery-context.ts';
import { FileSubscription } from '#proxy/xds/file-subscription.ts';
import { GrpcChannel, type GrpcChannelParts } from '#proxy/xds/grpc-channel.ts';
import { RestSubscription } from '#proxy/xds/rest-subscription.ts';
import type { Subscription } from '#proxy/xds/subscription.ts';
import { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';

export interface SubscriptionsParts extends GrpcChannelParts {
  unknownFields: UnknownFields;
  /** The root of the main thread's stats. */
  root: Scope;
  /** The bootstrap's ads_config. */
  ads: ApiConfigSource | undefined;
}

export class Subscriptions {
  private readonly parts: SubscriptionsParts;
  private readonly aggregated: GrpcChannel | undefined;

  constructor(parts: SubscriptionsParts) {
    this.parts = parts;
    this.aggregated = parts.ads && new GrpcChannel(parts.ads, undefined, parts.root, parts);
  }

  /** Opens the stream of ADS, where there is one, whether or not somebody subscribes already. */
  start(): void {
    this.aggregated?.start();
  }

  subscribe({ source, typeName, owner, scope, namespace }: SubscriptionRequest): Subscription {
    const { parts } = this;
    const stats = new SubscriptionStats(scope);
    const { from } = source;
    if (from.kind === 'path') {
      const { path, watchedDirectory } = from;
      const { unknownFields } = parts;
      return new FileSubscription({ path, watchedDirectory, typeName, owner, stats, unknownFields });
    }
    if (from.kind === 'ads') {
      if (this.aggregated === undefined) throw new Error('there is no ads_config');
      return this.aggregated.subscription({ typeName, source, owner, stats, namespace, alone: false });
    }
    if (from.apiType === 'REST') return new RestSubscription({ ...parts, source, api: from, typeName, owner, stats });
    const channel = new GrpcChannel(from, typeName, scope, parts);
    return channel.subscription({ typeName, source, owner, stats, namespace, alone: true });
  }

  stop(): void {
    this.aggregated?.stop();
  }
}
