/**
 * What everything on one worker thread shares.
 */

import type { Random } from '#base/random.ts';
import type { Timers } from '#base/timers.ts';
import type { Locality } from '#config/model/cluster.ts';
import type { DrainState } from '#proxy/drain-state.ts';
import type { ExtensionSlots } from '#proxy/extension-slots.ts';
import type { RouteDemands } from '#proxy/http/route-demands.ts';
import type { RouteTables } from '#proxy/http/route-tables.ts';
import type { Admission, GlobalConnections } from '#proxy/listeners/global-connections.ts';
import type { ListenerLookup } from '#proxy/listeners/listener-lookup.ts';
import type { LogFileSettings } from '#proxy/observe/access-log/access-log-context.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { StatsLease } from '#proxy/observe/stats/stats-lease.ts';
import type { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import type { ClusterManager } from '#proxy/upstream/cluster-manager.ts';
import type { RedisTrouble } from '#proxy/upstream/discovery/redis-slots.ts';
import type { WorkerDnsCaches } from '#proxy/upstream/dns-cache/worker-dns-caches.ts';
import type { HostUpdate } from '#proxy/upstream/host-set-update.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';

/** A TCP connection on its way from one worker to another. */
export interface HandedConnection {
  listener: string;
  fd: number;
  admission: Admission;
}

export interface WorkerContext {
  /** 0 for the first. */
  readonly index: number;
  /** How many there are. */
  readonly concurrency: number;
  readonly timers: Timers;
  readonly random: Random;
  /** The root of this thread's stats. */
  readonly scope: Scope;
  /** Makes room for the stats of something that may go away: a cluster, one host's counters. */
  readonly leaseStats: () => StatsLease;
  readonly clusters: ClusterManager;
  /** Configurations of filters that discovery brings. */
  readonly extensions: ExtensionSlots;
  /** What requests wait for that is fetched on demand. */
  readonly demands: RouteDemands;
  /** Route tables that discovery brings. */
  readonly routeTables: RouteTables;
  /** Values that operators may change while it runs. */
  readonly runtime: RuntimeView;
  readonly drain: DrainState;
  /** The listeners that serve. */
  readonly listeners: ListenerLookup;
  /** Counts connections of all workers against the limits for all listeners. */
  readonly connections: GlobalConnections;
  /** Session tickets of one worker are good at the others: their keys come from these bytes. */
  readonly ticketSecret: Uint8Array;
  /** Names that requests gave. */
  readonly dnsCaches: WorkerDnsCaches;
  /** A member of a cluster was made here, for the main thread to know of. */
  foundHost(cluster: string, host: HostUpdate): void;
  /** A Redis host sent a command elsewhere, or did not answer it: the main thread may want to know who has which slots now. */
  redisTrouble(cluster: string, what: RedisTrouble): void;
  /** What TLS contexts take from secrets that may change. */
  readonly secrets: WorkerSecrets;
  readonly node: { id: string; cluster: string; locality: Locality };
  readonly logFiles: LogFileSettings;
  /** Another worker goes on with a connection that came to a listener here. */
  handOver(worker: number, connection: HandedConnection): void;
  /** An error in our own code: counted, logged, and the connection that met it closed. */
  onBug(error: unknown): void;
}
