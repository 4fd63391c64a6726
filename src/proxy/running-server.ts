/**
 * A server that runs: it brings the parts up in order, keeps time for stats, hears signals, and takes the parts down again.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/init and .../operations/draining
 */
import { writeFileSync } from 'node:fs';
import { logger, reopenLog } from '#base/logger.ts';
import { secretBytes } from '#base/random.ts';
import { systemSchedule } from '#base/timers.ts';
import type { LoadedBootstrap } from '#config/load.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import { CertificateExpiry } from '#proxy/certificate-expiry.ts';
import { packsOf, startGuardDog, toucher } from '#proxy/guard-dog.ts';
import { HotRestart, type ListeningSocket } from '#proxy/hot-restart.ts';
import { InitManager } from '#proxy/init-manager.ts';
import { GlobalConnections, listenerConnections, sharedConnectionCounts } from '#proxy/listeners/global-connections.ts';
import { MainClusters } from '#proxy/main-clusters.ts';
import { flushAccessLogs, logFileSettings, reopenAccessLogs } from '#proxy/observe/access-log/log-files.ts';
import { routerStats } from '#proxy/observe/stats/http-stats.ts';
import { filesystemStats, listenerManagerStats, overloadStats } from '#proxy/observe/stats/manager-stats.ts';
import {
  refreshServerStats,
  type ServerState,
  type ServerStats,
  serverStats,
} from '#proxy/observe/stats/server-stats.ts';
import { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import { compileStatsMatcher } from '#proxy/observe/stats/stats-matcher.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { countWarnings } from '#proxy/observe/stats/warning-stats.ts';
import { startWatchdog, watchdogStats } from '#proxy/observe/stats/watchdog.ts';
import type { ProxyOptions } from '#proxy/options.ts';
import { Runtime } from '#proxy/runtime.ts';
import { SecretStore } from '#proxy/secret-store.ts';
import { ServerClusters } from '#proxy/server-clusters.ts';
import { ServerDiscovery } from '#proxy/server-discovery.ts';
import { ServerListeners } from '#proxy/server-listeners.ts';
import { loggingOptions } from '#proxy/server-logging.ts';
import { DnsCaches } from '#proxy/upstream/dns-cache/dns-caches.ts';
import type { EndpointSums } from '#proxy/upstream/endpoint-metrics.ts';
import type { FromWorker, ToWorker } from '#proxy/worker-messages.ts';
import { WorkerPool } from '#proxy/worker-pool.ts';
import { RuntimeView } from '#selection/runtime-view.ts';

/** The admin API, once it is loaded. */
interface AdminServer {
  close(): Promise<void>;
}

export class RunningServer {
  readonly options: ProxyOptions;
  readonly loaded: LoadedBootstrap;
  readonly startedAt = Date.now();
  readonly hub = new StatsHub();
  readonly stats: ThreadStats;
  readonly runtime: Runtime;
  readonly clusters: ServerClusters;
  private readonly dnsCaches: DnsCaches;
  /** What TLS contexts take from files that are watched; xDS puts its secrets here too. */
  readonly secrets = new SecretStore();
  readonly listeners: ServerListeners;
  readonly discovery: ServerDiscovery;
  /** What the server waits for before it accepts connections. */
  readonly init = new InitManager('Server');
  readonly hotRestart: HotRestart;
  /** POST /healthcheck/fail was called. */
  failsHealthcheck = false;
  state: ServerState = 'PRE_INITIALIZING';
  private readonly workers: WorkerPool;
  private readonly mainClusters: MainClusters;
  private readonly serverStats: ServerStats;
  private readonly certificateExpiry: CertificateExpiry;
  private readonly connectionCounts = sharedConnectionCounts();
  /** Every connection of the process counts here; the admin API asks for its own. */
  readonly connections: GlobalConnections;
  private readonly log = logger('main');
  private admin: AdminServer | undefined = undefined;
  private stopGuardDog: (() => Promise<unknown>) | undefined = undefined;
  private flushTimer: NodeJS.Timeout | undefined = undefined;
  private ending: Promise<void> | undefined = undefined;

  constructor(options: ProxyOptions, loaded: LoadedBootstrap) {
    this.options = options;
    this.loaded = loaded;
    const { snapshot } = loaded;
    this.stats = new ThreadStats(snapshot.stats.matcher && compileStatsMatcher(snapshot.stats));
    this.hub.attach(0, this.stats);
    this.serverStats = serverStats(this.stats.root, !options.disableHotRestart);
    countWarnings(loaded.problems.warnings, this.stats.root, 'static');
    overloadStats(this.stats.root);
    filesystemStats(this.stats.root);
    routerStats(this.stats.root.scope('http.async-client'));
    const warn = (message: string) => logger('runtime').warning(message);
    this.runtime = new Runtime({
      layers: snapshot.runtime,
      serviceCluster: snapshot.node.cluster,
      scope: this.stats.root,
      warn,
    });
    const tell = (message: ToWorker) => {
      this.workers.broadcast(message);
      if (message.kind === 'hosts') this.mainClusters.updateHosts(message.update);
    };
    this.discovery = new ServerDiscovery({
      options,
      loaded,
      root: this.stats.root,
      secrets: this.secrets,
      tell,
      clusterNames: () => this.clusters.names(),
      cluster: (name) => this.mainClusters.get(name),
    });
    const runtimeView = new RuntimeView(this.runtime.snapshot);
    const { maxActiveDownstreamConnections: most } = snapshot.overload;
    this.connections = new GlobalConnections(this.connectionCounts, most, runtimeView, this.stats.root);
    this.runtime.subscribe((runtime) => {
      runtimeView.update(runtime);
      this.clusters.runtimeChanged();
      this.mainClusters.runtimeChanged();
    });
    this.dnsCaches = new DnsCaches(this.stats.root, (answer) => tell({ kind: 'dns_answer', answer }));
    this.clusters = new ServerClusters(
      snapshot.clusters,
      {
        stats: this.stats,
        hub: this.hub,
        runtime: runtimeView,
        locality: snapshot.node.locality,
        endpoints: this.discovery.endpoints,
        need: (config, init) => this.discovery.needOfCluster(config, init),
        dnsCaches: this.dnsCaches,
      },
      tell,
    );
    for (const secret of loaded.watchedSecrets) this.secrets.watch(secret);
    this.hotRestart = new HotRestart(options);
    this.workers = new WorkerPool(
      {
        concurrency: options.concurrency,
        snapshot,
        runtime: this.runtime.snapshot,
        circuitBreakers: this.clusters.circuitBreakers(),
        connectionCounts: this.connectionCounts,
        ticketSecret: secretBytes(32),
        secrets: this.secrets.all(),
        drainTimeMs: options.drainTimeS * 1000,
        drainStrategy: options.drainStrategy,
        localAddressIpVersion: options.localAddressIpVersion,
        logFiles: logFileSettings(options),
        logging: loggingOptions(options, snapshot.logFormat),
      },
      this.hub,
      this.stats,
      (message) => this.hearWorker(message),
    );
    this.mainClusters = new MainClusters({
      clusters: this.clusters,
      local: this.workers.local?.clusters,
      stats: this.stats,
      runtime: runtimeView,
      secrets: this.secrets,
      node: snapshot.node,
      onBug: () => this.serverStats.envoyBugFailures.inc(),
    });
    this.listeners = new ServerListeners(snapshot.listeners, {
      workers: this.workers,
      concurrency: options.concurrency,
      drainTime: options.drainTimeS * 1000,
      stats: listenerManagerStats(this.stats.root),
      schedule: systemSchedule,
      need: (config, init) => this.discovery.need(config, init),
    });
    this.certificateExpiry = new CertificateExpiry(() => this.snapshot, this.stats.root, this.secrets);
    this.clusters.onChange(() => this.certificateExpiry.changed());
    this.listeners.onChange(() => this.certificateExpiry.changed());
    this.secrets.onChange((key, value) => this.workers.broadcast({ kind: 'secret', key, value }));
    this.runtime.subscribe((runtime) => this.workers.broadcast({ kind: 'runtime', snapshot: runtime }));
  }

  /** Brings everything up. @throws where a listener cannot be bound */
  async start(): Promise<void> {
    const { snapshot } = this.loaded;
    this.hearSignals();
    await this.workers.ready();
    // As Envoy, which reads the layers again where RTDS would have brought its own.
    this.runtime.reload();
    await this.hotRestart.meetParent();
    const slow = this.discovery.needed || snapshot.clusters.some((cluster) => cluster.discovery.kind !== 'STATIC');
    if (slow) await this.startAdmin();
    await this.startClusters();
    this.state = 'INITIALIZING';
    await this.startListeners();
    this.state = 'LIVE';
    this.serverStats.initializationTimeMs.record(Date.now() - this.startedAt);
    this.log.info('all dependencies initialized. starting workers');
    this.hotRestart.serve({
      sockets: () => this.workers.sockets(),
      onAdminWanted: () => this.closeAdmin(),
      onReplaced: () => this.handOver(),
    });
    await this.hotRestart.relieveParent();
    this.watchThreads();
    this.flushTimer = setInterval(() => void this.flush(), snapshot.statsFlushInterval);
    if (!slow) await this.startAdmin();
  }

  /** Notices from now on where a thread hangs. */
  private watchThreads(): void {
    const { options, stats } = this;
    const { logFormat, watchdogs } = this.loaded.snapshot;
    const packs = packsOf(watchdogs, options.concurrency);
    // Their stats are there before the workers hear of it.
    for (const thread of packs.workers.threads) watchdogStats(stats.root, thread);
    startWatchdog(stats.root, 'main_thread', watchdogs.mainThread, toucher(packs.mainThread.touched, 0));
    this.workers.broadcast({ kind: 'watch', touched: packs.workers.touched });
    this.stopGuardDog = startGuardDog(packs, loggingOptions(options, logFormat));
  }

  /** Those whose members nobody has to fetch come first: the others, and more clusters, may be fetched through them. */
  private async startClusters(): Promise<void> {
    const { clusters, discovery } = this;
    await clusters.start(false);
    discovery.start();
    let metrics = NO_METRICS;
    discovery.startLoadReports({
      names: () => clusters.names(),
      load: (name) => clusters.get(name)?.load(metrics.get(name)),
      gather: async () => {
        const wanted = clusters.configs().some(({ lrsReportEndpointMetrics: names }) => names !== undefined);
        metrics = wanted ? await this.workers.takeEndpointMetrics() : NO_METRICS;
      },
    });
    await settled('Runtime', (init) => discovery.startRuntime(this.runtime, init));
    await clusters.start(true);
    await settled('Clusters', (init) => discovery.startClusters(clusters, init));
    await clusters.started();
  }

  private async startListeners(): Promise<void> {
    const { init, listeners } = this;
    listeners.prepare(({ name }) => init.add(`Listener-init-target ${name}`));
    this.discovery.startListeners(listeners, init);
    await new Promise<void>((resolve) => init.whenReady(resolve));
    const former = await this.hotRestart.takeSockets();
    const inherited = listeners
      .configs()
      .map(({ name, addresses }): [string, number[][]] => [
        name,
        addresses.map((address) => socketsOf(former, name, address)),
      ]);
    await listeners.start(Object.fromEntries(inherited));
  }

  /** The configuration that runs, with what was fetched. */
  get snapshot(): Snapshot {
    const { clusters, discovery, listeners } = this;
    return {
      ...this.loaded.snapshot,
      clusters: clusters.configs(),
      listeners: listeners.configs().map((listener) => discovery.filledIn(listener)),
    };
  }

  /** As `/init_dump` shows it. */
  unready(): { name: string; targets: string[] }[] {
    const clusters = { name: this.init.name, targets: this.clusters.unready() };
    return [clusters, ...this.listeners.unready()].filter(({ targets }) => targets.length > 0);
  }

  private async startAdmin(): Promise<void> {
    const { admin } = this.loaded.snapshot;
    if (admin === undefined || this.admin !== undefined) return;
    const { startAdminServer } = await import('#proxy/server-admin.ts');
    const started = await startAdminServer(this, admin);
    this.admin = started;
    if (this.options.adminAddressPath !== undefined)
      writeFileSync(this.options.adminAddressPath, addressText(started.address));
  }

  /** As the admin API tells it: a server that fails health checks is to be taken for one that drains. */
  get shownState(): ServerState {
    return this.state === 'LIVE' && this.failsHealthcheck ? 'DRAINING' : this.state;
  }

  private closeAdmin(): void {
    void this.admin?.close();
    this.admin = undefined;
  }

  /** Merges what workers recorded since the last time. */
  async flush(): Promise<void> {
    this.refresh();
    await this.workers.mergeHistograms();
  }

  /** Brings gauges up to date that are only counted when somebody looks. */
  refresh(): void {
    this.clusters.refresh();
    refreshServerStats(this.serverStats, {
      concurrency: this.options.concurrency,
      restartEpoch: this.options.restartEpoch,
      version: this.loaded.snapshot.statsServerVersionOverride ?? 0,
      state: () => this.shownState,
      live: () => this.state === 'LIVE' && !this.failsHealthcheck,
      uptimeSeconds: () => (Date.now() - this.startedAt) / 1000,
      connections: () => listenerConnections(this.connectionCounts),
      parentConnections: () => 0,
      daysUntilFirstCertExpires: () => this.certificateExpiry.daysUntilFirst(Date.now()),
      recentLookups: () => 0,
    });
  }

  private hearWorker(message: FromWorker): void {
    if (message.kind === 'bug') this.serverStats.envoyBugFailures.inc();
    else if (message.kind === 'dns_question') this.dnsCaches.ask(message.question);
    else if (message.kind === 'route_question') this.discovery.answer(message.question);
    else if (message.kind === 'found_host') this.clusters.get(message.cluster)?.foundHost(message.host);
    else if (message.kind === 'redis_trouble') this.clusters.get(message.cluster)?.wentWrong(message.what);
  }

  broadcast: WorkerPool['broadcast'] = (message) => this.workers.broadcast(message);

  /** POST /healthcheck/fail and /healthcheck/ok. */
  failHealthchecks(fails: boolean): void {
    this.failsHealthcheck = fails;
    this.workers.broadcast({ kind: 'healthcheck', fails });
  }

  /** Listeners close now or, gracefully, after a drain time in which connections are asked to go. */
  drainListeners(how: { graceful: boolean; inboundOnly: boolean; skipExit: boolean }): void {
    const stop = () => {
      void this.workers.stopListeners(how.inboundOnly);
      this.listeners.stop(how.inboundOnly);
    };
    if (how.graceful) {
      this.workers.broadcast({ kind: 'drain', immediate: false });
      if (!how.skipExit) setTimeout(stop, this.options.drainTimeS * 1000).unref();
    } else stop();
  }

  reopenLogs(): void {
    this.workers.broadcast({ kind: 'reopen_logs' });
    // A single worker lives on this thread, and has done it.
    if (this.options.concurrency === 1) return;
    reopenLog();
    reopenAccessLogs();
  }

  private hearSignals(): void {
    process.on('SIGTERM', () => void this.end());
    process.on('SIGINT', () => void this.end());
    process.on('SIGHUP', () => {});
    process.on('SIGUSR1', () => this.reopenLogs());
    process.on('uncaughtException', (error) => {
      this.serverStats.envoyBugFailures.inc();
      this.log.critical(`bug: ${error.stack ?? error.message}`);
    });
  }

  /** A newer process has the ports: this one serves what it still has, and goes. */
  private handOver(): void {
    this.state = 'DRAINING';
    this.workers.broadcast({ kind: 'drain', immediate: false });
    void this.endWhenIdle();
    this.closeAdmin();
    setTimeout(() => void this.exit(), this.options.parentShutdownTimeS * 1000).unref();
  }

  /** Ends once nobody is connected, at the latest after the drain time. A second call ends at once. */
  end(): Promise<void> {
    if (this.ending !== undefined) process.exit(0);
    this.log.info('shutting down server instance');
    this.state = 'DRAINING';
    this.ending = this.drainAndExit();
    return this.ending;
  }

  private async drainAndExit(): Promise<void> {
    this.workers.broadcast({ kind: 'drain', immediate: true });
    const deadline = setTimeout(() => void this.exit(), this.options.drainTimeS * 1000);
    void this.endWhenIdle();
    await new Promise(() => deadline.ref());
  }

  /** Stops accepting, and ends when nobody is connected any more. */
  private async endWhenIdle(): Promise<void> {
    await this.workers.stopListeners(false);
    const look = setInterval(() => {
      if (listenerConnections(this.connectionCounts) > 0) return;
      clearInterval(look);
      void this.exit();
    }, 20);
  }

  /** Ends now, whatever is under way. */
  quit(): Promise<void> {
    this.state = 'DRAINING';
    return this.exit();
  }

  private async exit(): Promise<void> {
    await this.stop();
    this.log.info('exiting');
    process.exit(0);
  }

  /** Takes everything down at once. */
  async stop(): Promise<void> {
    clearInterval(this.flushTimer);
    await this.stopGuardDog?.();
    this.discovery.stop();
    this.clusters.stop();
    this.mainClusters.close();
    this.secrets.close();
    this.dnsCaches.stop();
    await this.admin?.close();
    await this.workers.stop();
    await flushAccessLogs();
    this.hotRestart.close();
  }
}

const NO_METRICS = new Map<string, EndpointSums>();

/** Waits for what a part of the start adds. */
function settled(name: string, start: (init: InitManager) => void): Promise<void> {
  const init = new InitManager(name);
  start(init);
  return new Promise((resolve) => init.whenReady(resolve));
}

/** The sockets of the generation before for one address of a listener. A port that the system chose belongs to nobody else. */
function socketsOf(former: readonly ListeningSocket[], listener: string, address: Address): number[] {
  const text = addressText(address);
  return former.filter((socket) => socket.listener === listener && socket.address === text).map(({ fd }) => fd);
}
