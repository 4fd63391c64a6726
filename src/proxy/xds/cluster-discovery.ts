/**
 * Clusters from a management server: all that it has (CDS), or those that requests ask for (ODCDS). What is good in an update serves; the
 * rest is refused by name.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cds
 */
import { logger } from '#base/logger.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import { readCluster } from '#config/read/cluster.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { ConfigResource, UpdateError } from '#proxy/admin/context.ts';
import { givenNow } from '#proxy/resource-origin.ts';
import type { ServerClusters } from '#proxy/server-clusters.ts';
import { type DiscoveryContext, readGiven } from '#proxy/xds/discovery-context.ts';
import { ResourceErrors } from '#proxy/xds/resource-errors.ts';
import type { DiscoveryUpdate, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';

export interface ClusterDiscoveryParts {
  source: ConfigSource;
  clusters: ServerClusters;
  context: DiscoveryContext;
  /** Of the bootstrap's cluster_manager, for clusters that have none of their own. */
  bind: ClusterConfig['bind'];
  /** Clusters are asked for by name; hears of an update that was taken, in whole or in part. */
  onDemand?: (update: DiscoveryUpdate) => void;
}

export class ClusterDiscovery implements SubscriptionOwner {
  /** Of the last update of which something was taken. */
  versionInfo = '';
  private readonly parts: ClusterDiscoveryParts;
  private readonly subscription: Subscription;
  private readonly reloads;
  private readonly reloadTime;
  private readonly log = logger('upstream');
  private errors: Map<string, UpdateError> = new Map();
  private onReady: () => void = () => {};

  constructor(parts: ClusterDiscoveryParts) {
    this.parts = parts;
    const { source, context, onDemand } = parts;
    const scope = context.root.scope(`cluster_manager.${onDemand === undefined ? 'cds' : 'odcds'}`);
    this.reloads = onDemand === undefined ? scope.counter('config_reload') : undefined;
    this.reloadTime = onDemand === undefined ? scope.gauge('config_reload_time_ms') : undefined;
    this.subscription = context.subscribe({ source, typeName: CLUSTER, owner: this, scope });
  }

  /** @param onReady the first clusters are known, or nobody could say which. @param names undefined: all */
  start(onReady: () => void, names?: ReadonlySet<string>): void {
    this.onReady = onReady;
    this.subscription.start(names);
  }

  change(added: readonly string[], gone: readonly string[]): void {
    this.subscription.change(added, gone);
  }

  onUpdate(update: DiscoveryUpdate): void {
    const { clusters } = this.parts;
    const errors = new ResourceErrors('cluster');
    const changed = errors.withoutTwice(update.resources).filter((resource) => !clusters.knows(resource));
    const read = changed.map((resource) => ({ resource, config: errors.attempt(resource, () => this.read(resource)) }));
    this.errors = errors.states(update.version);
    if (errors.malformed) throw errors.error();
    for (const { resource, config } of read) {
      if (config !== undefined) clusters.set(config, givenNow(resource));
    }
    const removed = this.missing(update).filter((name) => clusters.remove(name));
    const skipped = update.resources.length - changed.length;
    this.log.info(
      `cds: add ${changed.length} cluster(s), remove ${removed.length} cluster(s), skip ${skipped} unmodified cluster(s)`,
    );
    const applied = read.some(({ config }) => config !== undefined) || removed.length > 0;
    if (applied) this.versionInfo = update.version;
    this.settle();
    this.parts.onDemand?.(update);
    if (errors.failed) throw errors.error();
    if (!applied) return;
    this.reloads?.inc();
    this.reloadTime?.set(Date.now());
  }

  private read(resource: DiscoveryUpdate['resources'][number]): ClusterConfig {
    const { context, bind, source } = this.parts;
    const inside = { ...context.readContext(), self: source };
    const config = readGiven(resource, CLUSTER, context, (message: Cluster, at) => readCluster(message, at, inside));
    context.watchSecrets(inside.watchedSecrets);
    return config.bind === undefined && bind !== undefined ? { ...config, bind } : config;
  }

  private missing({ kind, resources, removed, kept = [] }: DiscoveryUpdate): string[] {
    if (kind === 'changes' || this.parts.onDemand !== undefined) return removed;
    const names = new Set([...resources.map(({ name }) => name), ...kept]);
    return this.parts.clusters.givenNames().filter((name) => !names.has(name));
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.onReady();
    this.onReady = () => {};
  }

  /** Clusters that were refused, for the admin API. */
  refused(): ConfigResource[] {
    return [...this.errors].map(([name, error]) => ({ name, state: 'active', error }));
  }

  stop(): void {
    this.subscription.stop();
  }
}
