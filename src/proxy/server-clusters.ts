/**
 * The clusters of the server on the main thread: those of the bootstrap, and those that come, change and go with discovery. One that
 * changes goes on serving until the other that takes its place knows its members.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager#cluster-warming
 */
import { logger } from '#base/logger.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ClusterStatus, ConfigResource } from '#proxy/admin/context.ts';
import { type ClusterManagerStats, clusterManagerStats, clustersInflated } from '#proxy/observe/stats/manager-stats.ts';
import type { Gauge } from '#proxy/observe/stats/metrics.ts';
import { configResource, type Given, sameAs } from '#proxy/resource-origin.ts';
import { ServerCluster, type ServerClusterParts } from '#proxy/server-cluster.ts';
import { type CircuitBreakerSlots, CircuitBreakerTable } from '#proxy/upstream/circuit-breaker-slots.ts';
import type { ClusterUpdate, ToWorker } from '#proxy/worker-messages.ts';
import type { GivenResource } from '#proxy/xds/subscription.ts';

/** As Envoy keeps them. */
function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** Hears of a cluster that serves from now on, or that is gone. */
export type ClusterListener = (name: string, cluster: ServerCluster | undefined) => void;

export class ServerClusters {
  private readonly active = new Map<string, ServerCluster>();
  private readonly warming = new Map<string, ServerCluster>();
  private readonly table = new CircuitBreakerTable();
  private readonly parts: ServerClusterParts;
  private readonly tell: (message: ToWorker) => void;
  private readonly stats: ClusterManagerStats;
  private readonly inflated: Gauge;
  private readonly log = logger('upstream');
  private readonly listeners: ClusterListener[] = [];
  /** Until everything is there that the server starts with, a cluster does not warm up: it is just there. */
  private starting = true;
  private onSettled: () => void = () => {};

  /** @param tell tells all workers */
  constructor(
    configs: readonly ClusterConfig[],
    parts: Omit<ServerClusterParts, 'onHosts'>,
    tell: (message: ToWorker) => void,
  ) {
    this.tell = tell;
    this.parts = {
      ...parts,
      onHosts: (update, cluster) => {
        if (this.active.get(update.cluster) !== cluster) return;
        if (cluster.ready) this.stats.clusterUpdated.inc();
        tell({ kind: 'hosts', update });
      },
    };
    const { root } = parts.stats;
    this.stats = clusterManagerStats(root);
    this.inflated = clustersInflated(root, 'main_thread');
    for (const config of configs)
      this.active.set(config.name, new ServerCluster(config, this.slots(config.name), undefined, this.parts));
    this.stats.clusterAdded.add(configs.length);
    this.count();
  }

  /** Memory for every cluster's circuit breakers, to give to workers. */
  circuitBreakers(): { [cluster: string]: CircuitBreakerSlots } {
    return Object.fromEntries([...this.active.keys()].map((name) => [name, this.slots(name)]));
  }

  /**
   * Starts those of the bootstrap whose members nobody has to fetch, or the others. Resolves when each of them is ready.
   * @param fetched those whose members a management server knows
   */
  start(fetched: boolean): Promise<void> {
    for (const cluster of this.active.values()) {
      if ((cluster.config.discovery.kind === 'EDS') === fetched) cluster.start(() => this.check());
    }
    return this.settled(({ config }) => fetched || config.discovery.kind !== 'EDS');
  }

  /** Resolves when every cluster of those that the server starts with is ready; from then on others warm up first. */
  async started(): Promise<void> {
    await this.settled(() => true);
    this.starting = false;
  }

  private settled(counts: (cluster: ServerCluster) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.onSettled = () => {
        for (const cluster of this.active.values()) if (counts(cluster) && !cluster.ready) return;
        this.onSettled = () => {};
        resolve();
      };
      this.check();
    });
  }

  private check(): void {
    this.onSettled();
  }

  /** Calls back for each cluster that serves from now on or goes. */
  onChange(listener: ClusterListener): void {
    this.listeners.push(listener);
  }

  get(name: string): ServerCluster | undefined {
    return this.active.get(name);
  }

  names(): ReadonlySet<string> {
    return new Set(this.active.keys());
  }

  /** Names of those that discovery brought. */
  givenNames(): string[] {
    const given = [...this.active.values(), ...this.warming.values()].filter((one) => one.given !== undefined);
    return [...new Set(given.map(({ config }) => config.name))];
  }

  /** Whether the resource would change nothing: what it says is there, or it stands in the bootstrap, which discovery leaves alone. */
  knows(resource: GivenResource): boolean {
    const active = this.active.get(resource.name);
    if (active !== undefined && active.given === undefined) return true;
    return sameAs((this.warming.get(resource.name) ?? active)?.given, resource);
  }

  /** A cluster that discovery brought: it is new, or takes the place of another. */
  set(config: ClusterConfig, given: Given): void {
    const { name } = config;
    const former = this.active.get(name);
    const warming = this.warming.get(name);
    (former === undefined && warming === undefined ? this.stats.clusterAdded : this.stats.clusterModified).inc();
    warming?.stop();
    this.warming.delete(name);
    const cluster = new ServerCluster(config, this.slots(name), given, this.parts);
    if (this.starting) {
      this.activate(cluster);
      cluster.start(() => this.check());
    } else {
      this.warming.set(name, cluster);
      cluster.start(() => this.onWarm(cluster));
    }
    this.count();
  }

  private onWarm(cluster: ServerCluster): void {
    if (this.warming.get(cluster.config.name) !== cluster) return;
    this.log.debug(`warming cluster ${cluster.config.name} complete`);
    this.warming.delete(cluster.config.name);
    this.activate(cluster);
    this.count();
  }

  private activate(cluster: ServerCluster): void {
    const { config, slots, update } = cluster;
    const { name } = config;
    const former = this.active.get(name);
    this.active.set(name, cluster);
    const message: ClusterUpdate = { config, slots, ...(update === undefined ? {} : { hosts: update }) };
    this.tell({ kind: 'clusters', set: [message], removed: [] });
    former?.stop();
    for (const listener of this.listeners) listener(name, cluster);
  }

  /** @returns whether there was one that discovery had brought */
  remove(name: string): boolean {
    const active = this.active.get(name);
    const warming = this.warming.get(name);
    if ((active ?? warming)?.given === undefined) return false;
    warming?.stop();
    this.warming.delete(name);
    if (active !== undefined) {
      this.active.delete(name);
      this.tell({ kind: 'clusters', set: [], removed: [name] });
      active.stop();
      for (const listener of this.listeners) listener(name, undefined);
    }
    this.stats.clusterRemoved.inc();
    this.count();
    this.check();
    return true;
  }

  private slots(name: string): CircuitBreakerSlots {
    return this.table.slots(name);
  }

  private count(): void {
    this.stats.activeClusters.set(this.active.size);
    this.stats.warmingClusters.set(this.warming.size);
    this.inflated.set(this.active.size);
  }

  /** What clusters that the server starts with still wait for. */
  unready(): string[] {
    return [...this.active.values()].flatMap(({ init }) => init.unready());
  }

  /** The runtime says something else. */
  runtimeChanged(): void {
    for (const clusters of [this.active, this.warming]) for (const one of clusters.values()) one.runtimeChanged();
  }

  /** Brings gauges up to date before somebody reads them. */
  refresh(): void {
    for (const cluster of this.active.values()) cluster.refresh();
  }

  status(): ClusterStatus[] {
    return [...this.active.values()].map((cluster) => cluster.status()).sort(byName);
  }

  configs(): ClusterConfig[] {
    return [...this.active.values()].map(({ config }) => config);
  }

  /** Those of discovery, as the admin API shows them. */
  resources(): ConfigResource[] {
    const shown = (clusters: Map<string, ServerCluster>, state: 'active' | 'warming') =>
      [...clusters.values()].flatMap(({ config, given }) =>
        given === undefined ? [] : [configResource(config.name, given, state)],
      );
    return [...shown(this.active, 'active'), ...shown(this.warming, 'warming')].sort(byName);
  }

  stop(): void {
    for (const cluster of [...this.active.values(), ...this.warming.values()]) cluster.stop();
  }
}
