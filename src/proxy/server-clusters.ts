/**
 * Clusters on the main thread: who their members are, found out here and told to every worker; and what the admin API shows of them.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import type { ClusterStatus, HostStatus } from '#proxy/admin/context.ts';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import { clusterManagerStats, clustersInflated } from '#proxy/observe/stats/manager-stats.ts';
import type { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { type CircuitBreakerSlots, CircuitBreakerTable } from '#proxy/upstream/circuit-breaker-slots.ts';
import { CircuitBreakers, circuitBreakerGauges } from '#proxy/upstream/circuit-breakers.ts';
import { type Discovery, discover } from '#proxy/upstream/discovery/discover.ts';
import type { HostSetUpdate } from '#proxy/upstream/host-set-update.ts';
import { recordMembership } from '#proxy/upstream/membership-stats.ts';
import { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { countTransportMatches } from '#proxy/upstream/upstream-transports.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';

interface ClusterEntry {
  config: ClusterConfig;
  hosts: PrioritySet;
  discovery: Discovery | undefined;
  ready: boolean;
  refreshGauges: () => void;
}

export class ServerClusters {
  private readonly entries = new Map<string, ClusterEntry>();
  private readonly table = new CircuitBreakerTable();
  private readonly stats: ThreadStats;
  private readonly hub: StatsHub;
  private readonly snapshot: Snapshot;
  private readonly runtime: RuntimeView;
  private onAllReady: () => void = () => {};

  constructor(snapshot: Snapshot, stats: ThreadStats, hub: StatsHub, runtime: RuntimeView) {
    this.snapshot = snapshot;
    this.stats = stats;
    this.hub = hub;
    this.runtime = runtime;
    for (const config of snapshot.clusters) this.add(config);
    const manager = clusterManagerStats(stats.root);
    manager.clusterAdded.add(snapshot.clusters.length);
    manager.activeClusters.set(snapshot.clusters.length);
    manager.warmingClusters.set(0);
    clustersInflated(stats.root, 'main_thread').set(snapshot.clusters.length);
  }

  private add(config: ClusterConfig): void {
    const scope = this.stats.root.scope(`cluster.${config.statName}`);
    clusterStats(scope);
    const hosts = new PrioritySet(config.name, () => this.stats.lease(), clock, this.snapshot.node.locality);
    recordMembership(hosts, scope);
    countTransportMatches(config, hosts, scope);
    const breakers = new CircuitBreakers(this.table.slots(config.name), true);
    breakers.configure(config, this.runtime);
    this.entries.set(config.name, {
      config,
      hosts,
      discovery: undefined,
      ready: false,
      refreshGauges: circuitBreakerGauges(breakers, config, scope),
    });
  }

  /** Memory for every cluster's circuit breakers, to give to workers. */
  circuitBreakers(): { [cluster: string]: CircuitBreakerSlots } {
    return Object.fromEntries([...this.entries.keys()].map((name) => [name, this.table.slots(name)]));
  }

  /** Finds members, now and from now on. Resolves when every cluster knows its first ones, or that there are none. */
  start(tell: (update: HostSetUpdate) => void): Promise<void> {
    return new Promise((resolve) => {
      this.onAllReady = resolve;
      for (const entry of this.entries.values()) {
        const { config } = entry;
        entry.discovery = discover(config, {
          scope: this.stats.root.scope(`cluster.${config.statName}`),
          root: this.stats.root,
          onUpdate: (update) => {
            entry.hosts.update(update);
            tell(update);
          },
          onReady: () => this.onReady(entry),
        });
      }
      this.checkReady();
    });
  }

  private onReady(entry: ClusterEntry): void {
    entry.ready = true;
    this.checkReady();
  }

  private checkReady(): void {
    for (const entry of this.entries.values()) if (!entry.ready) return;
    this.onAllReady();
  }

  /** Clusters that do not know their members yet. */
  unready(): string[] {
    return [...this.entries.values()].filter((entry) => !entry.ready).map((entry) => `Cluster ${entry.config.name}`);
  }

  /** Brings gauges up to date before somebody reads them. */
  refresh(): void {
    for (const entry of this.entries.values()) entry.refreshGauges();
  }

  status(): ClusterStatus[] {
    return [...this.entries.values()].map(({ config, hosts }) => ({
      name: config.name,
      observabilityName: config.statName,
      addedViaApi: false,
      edsServiceName: config.discovery.kind === 'EDS' ? config.discovery.serviceName : '',
      circuitBreakers: config.circuitBreakers,
      overprovisioningFactor: config.loadAssignment?.overprovisioningFactor ?? 140,
      hosts: hosts.hostSets.flatMap((set) => set.hosts.map((host) => this.hostStatus(config.name, host))),
    }));
  }

  private hostStatus(cluster: string, host: PrioritySet['hostSets'][number]['hosts'][number]): HostStatus {
    return {
      address: host.address,
      additionalAddresses: host.additionalAddresses,
      hostname: host.hostname,
      weight: host.weight,
      locality: host.locality,
      priority: host.priority,
      canary: host.canary,
      metadata: host.metadata,
      healthFlags: host.healthFlags,
      counter: (name) => this.hub.hidden(`host|${cluster}|${host.key}|${name}`),
    };
  }

  stop(): void {
    for (const { discovery } of this.entries.values()) discovery?.stop();
  }
}
