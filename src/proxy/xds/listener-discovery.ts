/**
 * LDS: listeners from a management server. What is good in an update serves; the rest is refused by name.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/lds
 */

import { logger } from '#base/logger.ts';
import { systemRandom } from '#base/random.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import { readListener } from '#config/read/listener.ts';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';
import { givenNow } from '#proxy/resource-origin.ts';
import type { ServerListeners } from '#proxy/server-listeners.ts';
import { type DiscoveryContext, readGiven } from '#proxy/xds/discovery-context.ts';
import { ResourceErrors } from '#proxy/xds/resource-errors.ts';
import type { DiscoveryUpdate, GivenResource, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const LISTENER = 'envoy.config.listener.v3.Listener';

export interface ListenerDiscoveryParts {
  source: ConfigSource;
  listeners: ServerListeners;
  context: DiscoveryContext;
  /** Called for each listener that comes while the server starts. @returns what to call when it is ready */
  ready(name: string): () => void;
}

export class ListenerDiscovery implements SubscriptionOwner {
  /** Of the last update of which something was taken. */
  versionInfo = '';
  private readonly parts: ListenerDiscoveryParts;
  private readonly subscription: Subscription;
  private readonly log = logger('config');
  private onReady: () => void = () => {};

  constructor(parts: ListenerDiscoveryParts) {
    this.parts = parts;
    const { source, context } = parts;
    const scope = context.root.scope('listener_manager.lds');
    this.subscription = context.subscribe({ source, typeName: LISTENER, owner: this, scope });
  }

  /** @param onReady the first listeners are known, or nobody could say which */
  start(onReady: () => void): void {
    this.onReady = onReady;
    this.subscription.start();
  }

  async onUpdate(update: DiscoveryUpdate): Promise<void> {
    const { listeners } = this.parts;
    const errors = new ResourceErrors('listener');
    const changed = errors.withoutTwice(update.resources.map(named)).filter((resource) => !listeners.knows(resource));
    const read = changed.map((resource) => ({ resource, config: errors.attempt(resource, () => this.read(resource)) }));
    if (!errors.malformed) {
      for (const name of this.missing(update)) {
        if (!listeners.remove(name)) continue;
        this.log.info(`lds: remove listener '${name}'`);
        this.versionInfo = update.version;
      }
      const opening = read.map(({ resource, config }) => config && this.use(resource, config, errors));
      this.settle();
      await Promise.all(opening);
    }
    listeners.setErrors(errors.states(update.version));
    if (errors.failed) throw errors.error();
  }

  private read(resource: GivenResource): ListenerConfig {
    const { context, source } = this.parts;
    const inside = { ...context.readContext(), self: source };
    const config = readGiven(resource, LISTENER, context, (message: Listener, at) => readListener(message, at, inside));
    context.watchSecrets(inside.watchedSecrets);
    return config.name === '' ? { ...config, name: resource.name } : config;
  }

  /** Waits until it listens, where it can do so at once. */
  private async use(resource: GivenResource, config: ListenerConfig, errors: ResourceErrors): Promise<void> {
    try {
      await this.parts.listeners.set(config, givenNow(resource), () => this.parts.ready(config.name));
      this.log.info(`lds: add/update listener '${config.name}'`);
      this.versionInfo = resource.version;
    } catch (error) {
      errors.add(resource, (error as Error).message);
    }
  }

  private missing({ kind, resources, removed, kept = [] }: DiscoveryUpdate): string[] {
    if (kind === 'changes') return removed;
    const names = new Set([...resources.map(({ name }) => name), ...kept]);
    return this.parts.listeners.givenNames().filter((name) => !names.has(name));
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.onReady();
    this.onReady = () => {};
  }

  stop(): void {
    this.subscription.stop();
  }
}

/** One without a name gets one, as with Envoy. */
function named(resource: GivenResource): GivenResource {
  return resource.name === '' ? { ...resource, name: systemRandom.uuid() } : resource;
}
