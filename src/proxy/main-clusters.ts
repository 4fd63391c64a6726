/**
 * The clusters that the main thread sends requests of its own through. With one worker they are that worker's; with more, this thread has
 * its own of those that it uses, with pools and counters like a worker's.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_protocols/grpc#grpc-services
 */
import { logger } from '#base/logger.ts';
import { systemRandom } from '#base/random.ts';
import { Timers } from '#base/timers.ts';
import type { NodeInfo } from '#config/model/snapshot.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import type { SecretStore } from '#proxy/secret-store.ts';
import type { ServerCluster } from '#proxy/server-cluster.ts';
import type { ServerClusters } from '#proxy/server-clusters.ts';
import { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { ClusterManager } from '#proxy/upstream/cluster-manager.ts';
import type { HostSetUpdate } from '#proxy/upstream/host-set-update.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';

export interface MainClustersParts {
  clusters: ServerClusters;
  /** The single worker's, where there is one. */
  local: ClusterManager | undefined;
  stats: ThreadStats;
  runtime: RuntimeView;
  secrets: SecretStore;
  node: NodeInfo;
  onBug(): void;
}

export class MainClusters {
  private readonly parts: MainClustersParts;
  private readonly own = new ClusterManager('');
  private readonly context: WorkerContext;
  private readonly secrets: WorkerSecrets;

  constructor(parts: MainClustersParts) {
    this.parts = parts;
    const { clusters, stats, secrets } = parts;
    this.secrets = new WorkerSecrets(secrets.all());
    // What serves connections of clients is not here: no cluster asks for it.
    const context: Partial<WorkerContext> = {
      index: -1,
      timers: new Timers(clock),
      random: systemRandom,
      scope: stats.root,
      leaseStats: () => stats.lease(),
      clusters: this.own,
      runtime: parts.runtime,
      secrets: this.secrets,
      node: parts.node,
      onBug: (error) => {
        logger('main').critical(() => `bug: ${error instanceof Error ? error.stack : String(error)}`);
        parts.onBug();
      },
    };
    this.context = context as WorkerContext;
    if (parts.local !== undefined) return;
    secrets.onChange((key, value) => this.secrets.update(key, value));
    clusters.onChange((name, cluster) => {
      if (this.own.get(name) === undefined) return;
      if (cluster === undefined) this.own.remove(name);
      else this.add(cluster);
    });
  }

  /** @returns undefined where there is no such cluster */
  get(name: string): Cluster | undefined {
    const { local, clusters } = this.parts;
    if (local !== undefined) return local.get(name);
    const known = this.own.get(name);
    const cluster = clusters.get(name);
    if (known !== undefined || cluster === undefined) return known;
    return this.add(cluster);
  }

  private add({ config, slots, update }: ServerCluster): Cluster | undefined {
    this.own.add(config, this.context, slots, true);
    if (update !== undefined) this.own.updateHosts(update);
    return this.own.get(config.name);
  }

  /** Members of a cluster that may be one of these. */
  updateHosts(update: HostSetUpdate): void {
    if (this.parts.local === undefined) this.own.updateHosts(update);
  }

  /** The runtime says something else. */
  runtimeChanged(): void {
    this.own.runtimeChanged();
  }

  close(): void {
    this.own.close();
  }
}
