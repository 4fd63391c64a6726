/**
 * What everything that is fetched has in common: how to fetch it, how to read it, and where to count.
 */
import type { Message } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import { logger } from '#base/logger.ts';
import { loadResource, parseResource, type UnknownFields } from '#config/load-resource.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import type { ReadContext, WatchedSecret } from '#config/read/context.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { countWarnings } from '#proxy/observe/stats/warning-stats.ts';
import type { GivenResource, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

export interface SubscriptionRequest {
  source: ConfigSource;
  /** Full name of the resources' message. */
  typeName: string;
  owner: SubscriptionOwner;
  /** Where the subscription counts. */
  scope: Scope;
  /** What resources' names begin with, up to their last slash: of the whole type only these are wanted. Delta alone knows this. */
  namespace?: string;
}

export interface DiscoveryContext {
  /** The root of the main thread's stats. */
  readonly root: Scope;
  readonly unknownFields: UnknownFields;
  /** For readers: what the bootstrap says, and the clusters that are there now. */
  readContext(): ReadContext;
  subscribe(request: SubscriptionRequest): Subscription;
  /** Secrets that stand in what was read, and whose files are to be watched. */
  watchSecrets(secrets: readonly WatchedSecret[]): void;
}

/** A resource from its bytes. What is doubtful is logged. @throws ResourceError */
export function readGiven<M extends Message, T>(
  { any, name }: GivenResource,
  typeName: string,
  { unknownFields, root }: Pick<DiscoveryContext, 'unknownFields' | 'root'>,
  read: (message: M, at: Place) => T,
): T {
  const { config, warnings } = loadResource(parseResource<M>(typeName, any.value), read, unknownFields);
  countWarnings(warnings, root, 'dynamic');
  for (const { message, path } of warnings) logger('config').warning(`${name}: ${path}: ${message}`);
  return config;
}
