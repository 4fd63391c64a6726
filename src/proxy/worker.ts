/**
 * One worker: it owns connections, from listener to upstream, and shares nothing with other workers but what is counted. With
 * `--concurrency 1` it lives on the main thread.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/intro/threading_model
 */
import { logger, reopenLog, setLogLevel } from '#base/logger.ts';
import { systemRandom } from '#base/random.ts';
import { Timers } from '#base/timers.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { WatchdogConfig } from '#config/model/watchdog.ts';
import { DrainState } from '#proxy/drain-state.ts';
import { ExtensionSlots } from '#proxy/extension-slots.ts';
import { toucher } from '#proxy/guard-dog.ts';
import { RouteDemands } from '#proxy/http/route-demands.ts';
import { RouteTables } from '#proxy/http/route-tables.ts';
import { RequestGroups } from '#proxy/http/router/request-groups.ts';
import { GlobalConnections } from '#proxy/listeners/global-connections.ts';
import { WorkerListeners } from '#proxy/listeners/worker-listeners.ts';
import { flushAccessLogs, reopenAccessLogs } from '#proxy/observe/access-log/log-files.ts';
import { clustersInflated } from '#proxy/observe/stats/manager-stats.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { startWatchdog } from '#proxy/observe/stats/watchdog.ts';
import { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { ClusterManager } from '#proxy/upstream/cluster-manager.ts';
import type { RedisTrouble } from '#proxy/upstream/discovery/redis-slots.ts';
import { WorkerDnsCaches } from '#proxy/upstream/dns-cache/worker-dns-caches.ts';
import type { HostUpdate } from '#proxy/upstream/host-set-update.ts';
import type { HandedConnection, WorkerContext } from '#proxy/worker-context.ts';
import type { ClusterUpdate, FromWorker, ToWorker, WorkerStart } from '#proxy/worker-messages.ts';
import { useLocalAddressOf } from '#selection/local-address.ts';
import { RuntimeView } from '#selection/runtime-view.ts';

/** The older way to say how many connections all listeners may hold; the overload manager goes before it. */

export class Worker implements WorkerContext {
  readonly index: number;
  readonly concurrency: number;
  readonly timers: Timers;
  readonly random = systemRandom;
  readonly stats: ThreadStats;
  readonly scope;
  readonly clusters: ClusterManager;
  readonly runtime: RuntimeView;
  readonly drain: DrainState;
  readonly connections: GlobalConnections;
  readonly ticketSecret: Uint8Array;
  readonly secrets: WorkerSecrets;
  readonly dnsCaches: WorkerDnsCaches;
  readonly node;
  readonly logFiles;
  readonly leaseStats;
  readonly routeTables: RouteTables;
  readonly demands: RouteDemands;
  readonly extensions = new ExtensionSlots();
  readonly listeners: WorkerListeners;
  private readonly watchdog: WatchdogConfig;
  private readonly shared: boolean;
  private readonly inflated;
  private readonly tell: (message: FromWorker) => void;
  private readonly log = logger('main');

  /** @param stats this thread's; @param tell carries messages to the main thread */
  constructor(start: WorkerStart, stats: ThreadStats, tell: (message: FromWorker) => void) {
    const { snapshot } = start;
    this.tell = tell;
    this.index = start.index;
    this.concurrency = start.concurrency;
    this.stats = stats;
    this.scope = stats.root;
    this.timers = new Timers(clock);
    useLocalAddressOf(start.localAddressIpVersion);
    this.runtime = new RuntimeView(start.runtime);
    this.drain = new DrainState(clock, start.drainTimeMs, start.drainStrategy);
    const { maxActiveDownstreamConnections: most } = snapshot.overload;
    this.connections = new GlobalConnections(start.connectionCounts, most, this.runtime, stats.root);
    this.ticketSecret = start.ticketSecret;
    this.secrets = new WorkerSecrets(start.secrets);
    this.dnsCaches = new WorkerDnsCaches(this.scope, clock, (question) => tell({ kind: 'dns_question', question }));
    this.node = { id: snapshot.node.id, cluster: snapshot.node.cluster, locality: snapshot.node.locality };
    this.logFiles = start.logFiles;
    this.watchdog = snapshot.watchdogs.workers;
    this.leaseStats = () => stats.lease();
    const { localClusterName } = snapshot.clusterManager;
    this.clusters = new ClusterManager(localClusterName);
    const isLocal = ({ name }: ClusterConfig) => Number(name === localClusterName);
    this.shared = start.concurrency > 1;
    for (const cluster of [...snapshot.clusters].sort((a, b) => isLocal(b) - isLocal(a))) {
      this.clusters.add(cluster, this, start.circuitBreakers[cluster.name], this.shared);
    }
    this.inflated = clustersInflated(stats.root, `worker_${start.index}`);
    this.inflated.set(this.clusters.size);
    // An answer must not come in the middle of the filters' walk.
    this.demands = new RouteDemands((question) => process.nextTick(() => tell({ kind: 'route_question', question })));
    const groups = new RequestGroups(this.scope);
    this.routeTables = new RouteTables({ runtime: this.runtime, groups, demands: this.demands });
    this.listeners = new WorkerListeners(this);
    for (const [i, listener] of snapshot.listeners.entries()) this.listeners.add(i, listener);
  }

  /** Does what the main thread asks. */
  async handle(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case 'add_listener':
        return this.listeners.add(message.id, message.config);
      case 'take_over':
        return this.listeners.takeOver(message.connection);
      case 'listen':
        return this.tell({ kind: 'listening', ...(await this.listeners.listen(message.listeners, message.places)) });
      case 'leave_listener':
        return this.listeners.leave(message.id);
      case 'end_listener':
        return this.listeners.end(message.id);
      case 'update_chains':
        return this.listeners.updateChains(message);
      case 'end_chains':
        return this.listeners.endChains(message.listener, message.update);
      case 'clusters':
        return this.updateClusters(message.set, message.removed);
      case 'routes':
        return this.routeTables.update(message.key, message.update);
      case 'routes_gone':
        return this.routeTables.drop(message.key);
      case 'extension':
        return this.extensions.update(message.key, message.use);
      case 'scopes':
        return this.routeTables.updateScopes(message.key, message.scopes);
      case 'scope':
        return this.routeTables.addScope(message.key, message.scope);
      case 'route_answer':
        return asEvent(() => this.demands.hear(message.question));
      case 'hosts':
        return this.clusters.updateHosts(message.update);
      case 'runtime':
        this.runtime.update(message.snapshot);
        return this.clusters.runtimeChanged();
      case 'secret':
        return this.secrets.update(message.key, message.value);
      case 'dns_answer':
        return asEvent(() => this.dnsCaches.hear(message.answer));
      case 'stop_listeners':
        this.listeners.stop(message.inboundOnly);
        return this.tell({ kind: 'listeners_stopped' });
      case 'watch':
        startWatchdog(this.scope, `worker_${this.index}`, this.watchdog, toucher(message.touched, this.index));
        return;
      case 'healthcheck':
        this.drain.unhealthy = message.fails;
        return;
      case 'drain':
        this.drain.start(message.immediate);
        if (message.immediate) this.listeners.drain();
        return;
      case 'reopen_logs':
        reopenLog();
        return reopenAccessLogs();
      case 'log_level':
        return setLogLevel(message.component, message.level);
      case 'histograms':
        return this.tell({ kind: 'histograms', intervals: this.stats.takeHistogramInterval() });
      case 'endpoint_metrics':
        return this.tell({ kind: 'endpoint_metrics', sums: this.clusters.takeEndpointMetrics() });
      case 'stop':
        this.listeners.stop(false);
        await flushAccessLogs();
        this.tell({ kind: 'stopped' });
    }
  }

  private updateClusters(set: readonly ClusterUpdate[], removed: readonly string[]): void {
    for (const { config, slots, hosts } of set) {
      this.clusters.add(config, this, slots, this.shared);
      if (hosts !== undefined) this.clusters.updateHosts(hosts);
    }
    for (const name of removed) this.clusters.remove(name);
    this.inflated.set(this.clusters.size);
  }

  foundHost(cluster: string, host: HostUpdate): void {
    // The update that comes back must not come in the middle of the choice.
    process.nextTick(() => this.tell({ kind: 'found_host', cluster, host }));
  }

  redisTrouble(cluster: string, what: RedisTrouble): void {
    process.nextTick(() => this.tell({ kind: 'redis_trouble', cluster, what }));
  }

  handOver(worker: number, connection: HandedConnection): void {
    this.tell({ kind: 'hand_over', worker, connection });
  }

  onBug(error: unknown): void {
    this.log.critical(() => `bug: ${error instanceof Error ? error.stack : String(error)}`);
    this.tell({ kind: 'bug' });
  }
}
