/**
 * Resources from a file: a DiscoveryResponse as YAML, JSON or binary, read again when it is replaced. A file that cannot be used changes nothing.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api and .../start/quick-start/configuration-dynamic-filesystem
 */
import { loadMessage } from '#api/decode.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { loadSource } from '#api/source.ts';
import { logger } from '#base/logger.ts';
import type { UnknownFields } from '#config/load-resource.ts';
import type { DiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';
import { deliver } from '#proxy/xds/deliver.ts';
import { updateOf } from '#proxy/xds/given-resources.ts';
import {
  changedNames,
  type DiscoveryUpdate,
  type Subscription,
  type SubscriptionOwner,
} from '#proxy/xds/subscription.ts';
import type { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';
import { type PathWatch, watchPath } from '#proxy/xds/watched-path.ts';

const RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';

export interface FileSubscriptionParts {
  path: string;
  watchedDirectory: string;
  typeName: string;
  owner: SubscriptionOwner;
  stats: SubscriptionStats;
  unknownFields: UnknownFields;
}

export class FileSubscription implements Subscription {
  private readonly parts: FileSubscriptionParts;
  private readonly log = logger('config');
  private watcher: PathWatch | undefined = undefined;
  private reading = false;
  private again = false;
  private names: ReadonlySet<string> | undefined = undefined;

  constructor(parts: FileSubscriptionParts) {
    this.parts = parts;
  }

  start(names?: ReadonlySet<string>): void {
    this.names = names;
    const { path, watchedDirectory } = this.parts;
    this.watcher = watchPath(path, watchedDirectory, () => this.read());
    this.read();
  }

  change(added: readonly string[], gone: readonly string[]): void {
    this.names = changedNames(this.names, added, gone);
    this.read();
  }

  stop(): void {
    this.watcher?.close();
    this.watcher = undefined;
  }

  /** One after the other: what is read while an update is taken is looked at after it. */
  private read(): void {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    void this.readOnce().then(() => {
      this.reading = false;
      if (!this.again || this.watcher === undefined) return;
      this.again = false;
      this.read();
    });
  }

  private async readOnce(): Promise<void> {
    const { path, owner, stats, typeName } = this.parts;
    stats.attempt.inc();
    let update: DiscoveryUpdate;
    try {
      update = updateOf(this.load(), typeName);
    } catch (error) {
      this.log.warning(`Filesystem config update failure: ${(error as Error).message}`);
      stats.failure.inc();
      return;
    }
    const { names } = this;
    // Where none is wanted, its owner says so.
    const wanted = update.resources.filter(({ name }) => names?.has(name));
    if (wanted.length > 0) update.resources = wanted;
    const refused = await deliver(update, owner, stats);
    if (refused !== undefined) this.log.warning(`Filesystem config update rejected: ${refused} (${path})`);
  }

  private load(): DiscoveryResponse {
    const problems = new Problems();
    const { unknownFields, path } = this.parts;
    const options = { allowUnknown: unknownFields !== 'reject' };
    const { message } = loadMessage<DiscoveryResponse>(messageType(RESPONSE), loadSource(path), problems, options);
    problems.throwIfAny();
    return message;
  }
}
