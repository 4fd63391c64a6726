/**
 * SDS: certificates, validation contexts and session ticket keys from a management server, put where the configuration's own are. TLS
 * contexts that name the same secret share it; it is fetched while one of them is there.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
 */
import { create } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import type { FetchedSecret, SecretValue } from '#config/model/tls.ts';
import { foldersOf, readSecretValue } from '#config/read/fetched-secret.ts';
import type { Secret } from '#envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { ConfigResource, UpdateError } from '#proxy/admin/context.ts';
import type { InitManager } from '#proxy/init-manager.ts';
import { configResource, type Given, givenNow, sameAs } from '#proxy/resource-origin.ts';
import type { SecretStore } from '#proxy/secret-store.ts';
import { type DiscoveryContext, readGiven } from '#proxy/xds/discovery-context.ts';
import type { DiscoveryUpdate, GivenResource, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';

export class SecretDiscovery {
  private readonly context: DiscoveryContext;
  private readonly store: SecretStore;
  private readonly secrets = new Map<string, DiscoveredSecret>();

  constructor(context: DiscoveryContext, store: SecretStore) {
    this.context = context;
    this.store = store;
  }

  /** Fetches a secret, unless it is there. @param init waits for it. @returns how to let go of it */
  hold(wanted: FetchedSecret, init: InitManager): () => void {
    let secret = this.secrets.get(wanted.key);
    if (secret === undefined) {
      secret = new DiscoveredSecret(wanted, this.context, this.store);
      this.secrets.set(wanted.key, secret);
      secret.start();
    }
    secret.holders++;
    secret.whenSettled(init.add(`shared target SdsApi ${wanted.name}`));
    const held = secret;
    return () => {
      if (--held.holders > 0) return;
      held.stop();
      this.secrets.delete(wanted.key);
    };
  }

  /** As the admin API shows them. */
  resources(): ConfigResource[] {
    return [...this.secrets.values()].map((secret) => secret.resource());
  }
}

class DiscoveredSecret implements SubscriptionOwner {
  holders = 0;
  private readonly wanted: FetchedSecret;
  private readonly context: DiscoveryContext;
  private readonly store: SecretStore;
  private readonly subscription: Subscription;
  private readonly begun = Date.now();
  private given: Given | undefined = undefined;
  private error: UpdateError | undefined = undefined;
  /** The first answer came, or does not come. */
  private settled = false;
  private waiting: (() => void)[] = [];

  constructor(wanted: FetchedSecret, context: DiscoveryContext, store: SecretStore) {
    this.wanted = wanted;
    this.context = context;
    this.store = store;
    const scope = context.root.scope(`sds.${wanted.name}`);
    scope.counter('key_rotation_failed');
    this.subscription = context.subscribe({ source: wanted.source, typeName: SECRET, owner: this, scope });
  }

  start(): void {
    this.subscription.start(new Set([this.wanted.name]));
  }

  stop(): void {
    this.subscription.stop();
    this.store.remove(this.wanted.key);
  }

  whenSettled(ready: () => void): void {
    if (this.settled) ready();
    else this.waiting.push(ready);
  }

  onUpdate({ resources, removed, version }: DiscoveryUpdate): void {
    const { name } = this.wanted;
    const [resource] = resources;
    // That nobody uses a secret any more is for those who use it to say.
    if (resource === undefined && removed.length > 0) return;
    try {
      if (resource === undefined) throw new Error(`Missing SDS resources for ${name} in onConfigUpdate()`);
      if (resources.length > 1) throw new Error(`Unexpected SDS secrets length: ${resources.length}`);
      if (resource.name !== name) throw new Error(`Unexpected SDS secret (expecting ${name}): ${resource.name}`);
      this.take(resource);
      this.error = undefined;
    } catch (error) {
      this.error = { lastUpdateAttempt: Date.now(), details: (error as Error).message, versionInfo: version };
      throw error;
    }
    this.settle();
  }

  private take(resource: GivenResource): void {
    if (sameAs(this.given, resource)) return;
    const { key, kind } = this.wanted;
    const { context, store } = this;
    const read = (): { value: SecretValue; folders: string[] } =>
      readGiven(resource, SECRET, context, (message: Secret, at) => ({
        value: readSecretValue(message, kind, at, context.readContext()),
        folders: foldersOf(message),
      }));
    const { value, folders } = read();
    if (folders.length === 0) store.put(key, value);
    else store.watch({ key, value, folders, read: () => read().value });
    this.given = givenNow(resource);
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.settled = true;
    for (const ready of this.waiting.splice(0)) ready();
  }

  resource(): ConfigResource {
    const { given, error, wanted } = this;
    const shown: ConfigResource =
      given === undefined
        ? { ...uninitialized(wanted.name), lastUpdated: this.begun }
        : configResource(wanted.name, given, 'active');
    return error === undefined ? shown : { ...shown, error };
  }
}

/** As Envoy shows one that did not come yet. */
function uninitialized(name: string): ConfigResource {
  return {
    name,
    message: create(messageType(SECRET), { name }),
    state: 'warming',
    versionInfo: 'uninitialized',
  };
}
