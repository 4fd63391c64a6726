/**
 * What fetches configuration and who wants it, whatever way it is fetched: the words that both sides speak.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */
import type { Any } from '@bufbuild/protobuf/wkt';

/** A resource as it was given. */
export interface GivenResource {
  name: string;
  version: string;
  any: Any;
  /** Milliseconds after which it is gone unless it is given again; undefined: it stays. */
  ttl?: number;
  /** Other names that it was asked for by. */
  aliases?: string[];
}

export interface DiscoveryUpdate {
  /** `all`: what is not among the resources is gone. `changes`: what is not named stays as it is. */
  kind: 'all' | 'changes';
  resources: GivenResource[];
  /** Names of resources that are gone. */
  removed: string[];
  /** Names of resources that are still there, and as they were. */
  kept?: string[];
  /** Names and aliases that were asked for, and that nobody has. */
  absent?: string[];
  version: string;
}

/** Why nothing came: the first answer took longer than initial_fetch_timeout, or was not to be used. */
export type FetchFailure = 'timed_out' | 'rejected';

/** Who wants resources. */
export interface SubscriptionOwner {
  /**
   * Takes an update over; where that takes a while, the next one waits.
   * @throws Error that names each resource that cannot be used, and why: the management server is told.
   */
  onUpdate(update: DiscoveryUpdate): void | Promise<void>;
  onFailure(reason: FetchFailure): void;
}

export interface Subscription {
  /** Begins to fetch. An owner may hear before this returns. @param names undefined: every resource of the type, or of the namespace */
  start(names?: ReadonlySet<string>): void;
  /** Other names in addition, and some no more; of a namespace: those that are asked for by name besides. */
  change(added: readonly string[], gone: readonly string[]): void;
  stop(): void;
}

/** @param names undefined: all */
export function changedNames(
  names: ReadonlySet<string> | undefined,
  added: readonly string[],
  gone: readonly string[],
): ReadonlySet<string> {
  const next = new Set([...(names ?? []), ...added]);
  for (const name of gone) next.delete(name);
  return next;
}
