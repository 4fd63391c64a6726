/**
 * ECDS: configurations of filters from a management server.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/extension#discovery-service
 */
import type { DiscoveredConfig } from '#config/model/listener.ts';
import { readExtensionConfig } from '#config/read/discovered-filter.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type { ConfigResource, UpdateError } from '#proxy/admin/context.ts';
import type { InitManager } from '#proxy/init-manager.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { configResource, type Given, givenNow, sameAs } from '#proxy/resource-origin.ts';
import type { ToWorker } from '#proxy/worker-messages.ts';
import { type DiscoveryContext, readGiven } from '#proxy/xds/discovery-context.ts';
import type { DiscoveryUpdate, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const EXTENSION = 'envoy.config.core.v3.TypedExtensionConfig';

export class ExtensionDiscovery {
  private readonly context: DiscoveryContext;
  private readonly tell: (message: ToWorker) => void;
  private readonly extensions = new Map<string, DiscoveredExtension>();

  /** @param tell tells all workers */
  constructor(context: DiscoveryContext, tell: (message: ToWorker) => void) {
    this.context = context;
    this.tell = tell;
  }

  /** Fetches a filter's configuration, unless it is there. @param init waits for it. @returns how to let go of it */
  hold(name: string, wanted: DiscoveredConfig, init: InitManager): () => void {
    const { key, warms, category } = wanted;
    let extension = this.extensions.get(key);
    if (extension === undefined) {
      const scope = this.context.root.scope(`extension_config_discovery.${category}.${name}`);
      extension = new DiscoveredExtension(name, wanted, scope, this.context, this.tell);
      this.extensions.set(key, extension);
      extension.start();
    }
    extension.holders++;
    if (warms) extension.whenSettled(init.add(`shared target FilterConfigSubscription init ${name}`));
    const held = extension;
    return () => {
      if (--held.holders > 0) return;
      held.stop();
      this.extensions.delete(key);
    };
  }

  /** As the admin API shows them. */
  resources(): ConfigResource[] {
    return [...this.extensions.values()].flatMap((extension) => extension.resource() ?? []);
  }
}

class DiscoveredExtension implements SubscriptionOwner {
  holders = 0;
  private readonly name: string;
  private readonly wanted: DiscoveredConfig;
  private readonly context: DiscoveryContext;
  private readonly tell: (message: ToWorker) => void;
  private readonly subscription: Subscription;
  private readonly reloads;
  private readonly fails;
  private given: Given | undefined = undefined;
  private error: UpdateError | undefined = undefined;
  private settled = false;
  private waiting: (() => void)[] = [];

  constructor(
    name: string,
    wanted: DiscoveredConfig,
    scope: Scope,
    context: DiscoveryContext,
    tell: (message: ToWorker) => void,
  ) {
    this.name = name;
    this.wanted = wanted;
    this.context = context;
    this.tell = tell;
    this.reloads = scope.counter('config_reload');
    this.fails = scope.counter('config_fail');
    scope.counter('config_conflict');
    this.subscription = context.subscribe({ source: wanted.source, typeName: EXTENSION, owner: this, scope });
  }

  start(): void {
    this.subscription.start(new Set([this.name]));
  }

  stop(): void {
    this.subscription.stop();
    this.tell({ kind: 'extension', key: this.wanted.key, use: undefined });
  }

  whenSettled(ready: () => void): void {
    if (this.settled) ready();
    else this.waiting.push(ready);
  }

  onUpdate({ resources, removed, version }: DiscoveryUpdate): void {
    const { name, wanted, context, tell } = this;
    const [resource] = resources;
    if (resource === undefined) {
      // What is gone leaves the default in its place.
      if (!removed.includes(name)) return;
      this.given = undefined;
      return tell({ kind: 'extension', key: wanted.key, use: undefined });
    }
    try {
      if (resources.length > 1)
        throw new Error(`Unexpected number of resources in ExtensionConfigDS response: ${resources.length}`);
      if (resource.name !== name) {
        throw new Error(`Unexpected resource name in ExtensionConfigDS response: ${resource.name}`);
      }
      if (!sameAs(this.given, resource)) {
        const use = readGiven(resource, EXTENSION, context, (message: TypedExtensionConfig, at) =>
          readExtensionConfig(message, wanted, at, context.readContext()),
        );
        this.given = givenNow(resource);
        tell({ kind: 'extension', key: wanted.key, use });
        this.reloads.inc();
      }
      this.error = undefined;
    } catch (error) {
      this.fails.inc();
      this.error = { lastUpdateAttempt: Date.now(), details: (error as Error).message, versionInfo: version };
      throw error;
    }
    this.settle();
  }

  /** The default serves, where there is one. */
  onFailure(): void {
    if (!this.settled) this.fails.inc();
    this.settle();
  }

  private settle(): void {
    this.settled = true;
    for (const ready of this.waiting.splice(0)) ready();
  }

  resource(): ConfigResource | undefined {
    const { given, error, name } = this;
    const { category: group } = this.wanted;
    const shown = given && { ...configResource(name, given, 'active'), group };
    return error === undefined ? shown : { name, group, state: 'active', ...shown, error };
  }
}
