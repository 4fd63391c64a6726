/**
 * What the admin API asks of the server: everything that it shows comes from here, everything that it changes goes through here.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin
 */
import type { Message } from '@bufbuild/protobuf';
import type { Address } from '#config/model/address.ts';
import type { Locality } from '#config/model/cluster.ts';
import type { Metadata } from '#config/model/route.ts';
import type { Bootstrap } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { ExplainQuery } from '#explain/explain-query.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import type { HistogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { RecentLookups } from '#proxy/observe/stats/recent-lookups.ts';
import type { ServerState } from '#proxy/observe/stats/server-stats.ts';
import type { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import type { TagExtractor } from '#proxy/observe/stats/tag-extraction.ts';
import type { LogLevel, ProxyOptions } from '#proxy/options.ts';
import type { LimitsNow } from '#proxy/upstream/circuit-breakers.ts';
import type { RuntimeSnapshot } from '#selection/runtime-view.ts';

export type { ExplainQuery };

export interface AdminContext {
  readonly options: ProxyOptions;
  /** As `/server_info` shows it: five parts, of which Envoy's tools read the second, `fairlead-0.1.0/1.40.0/Clean/RELEASE/OpenSSL`. */
  readonly version: string;
  readonly hotRestartVersion: string;
  /** Milliseconds since the epoch: when this process started, and the first of its hot restarts. */
  readonly startTime: number;
  readonly firstEpochStartTime: number;
  state(): ServerState;
  /** A child of a hot restart is still taking over. */
  hotRestartInitializing(): boolean;

  readonly stats: AdminStats;
  readonly config: AdminConfig;
  clusters(): ClusterStatus[];
  listeners(): ListenerStatus[];
  /** One for each TLS context, listeners' and clusters'. */
  certificates(): CertificateContext[];
  readonly runtime: AdminRuntime;
  readonly logging: AdminLogging;
  /** What initialization still waits for, by component (`listener in`, `Cluster c`). */
  unreadyTargets(): { name: string; targets: string[] }[];
  readonly actions: AdminActions;
  /** Where POST /cpuprofiler writes: admin.profile_path. */
  readonly profilePath: string;
  readonly accessLogs: readonly AccessLogger[];
  /** Asked for each connection whether there may be one more; it then counts until it leaves. */
  admit(): boolean;
  leave(): void;
  /** Whether admin.allow_paths lets a path, with its query, be served. */
  allows(target: string): boolean;
  /** Where would a request go? The same as `fairlead explain`, on the running configuration. */
  explain(query: ExplainQuery): Promise<ExplainAnswer>;
}

export interface AdminStats {
  readonly hub: StatsHub;
  readonly tags: TagExtractor;
  readonly buckets: HistogramBuckets;
  readonly lookups: RecentLookups;
  /** The root of the main thread's stats, for the admin API's own. */
  readonly root: Scope;
  /** Brings gauges up to date and, where stats_flush_on_admin says so, flushes. Called before stats are shown. */
  refresh(): Promise<void>;
}

/** The configuration as it was given, for /config_dump. Messages are Envoy's, secrets and all: the dump redacts them. */
export interface AdminConfig {
  /** Its node is what the server calls itself: see server-node.ts. */
  bootstrap(): { message: Bootstrap; lastUpdated: number };
  /** What the server says it is: the bootstrap's node, with what flags say over it. */
  node(): Bootstrap['node'];
  /** In the order configured. */
  resources(kind: ResourceKind): ConfigResource[];
  /** The version of the last accepted list of dynamic ones, where there is one. */
  versionInfo(kind: 'cluster' | 'listener'): string;
}

/** `secret` messages are of TLS's Secret, `scoped_route` ones are ScopedRouteConfiguration. Endpoints are made from clusters(). */
export type ResourceKind = 'cluster' | 'extension' | 'listener' | 'route' | 'scoped_route' | 'secret';

export interface ConfigResource {
  name: string;
  /** Undefined for one that is being waited for, or that failed from the start. */
  message?: Message;
  /** Of extensions: the kind of filter. Each kind has a section of its own. */
  group?: string;
  /** Of what has several: the scopes of a connection manager. */
  messages?: Message[];
  /** Milliseconds since the epoch; undefined where Envoy shows none (static secrets). */
  lastUpdated?: number;
  state: 'static' | 'active' | 'warming' | 'draining';
  /** Of what came from discovery. */
  versionInfo?: string;
  error?: UpdateError;
}

/** The last update that was refused. */
export interface UpdateError {
  failedConfiguration?: Message;
  lastUpdateAttempt: number;
  details: string;
  versionInfo: string;
}

export interface ClusterStatus {
  name: string;
  /** The name in stats: alt_stat_name, or the name. */
  observabilityName: string;
  addedViaApi: boolean;
  edsServiceName: string;
  circuitBreakers: { DEFAULT: LimitsNow; HIGH: LimitsNow };
  overprovisioningFactor: number;
  hosts: HostStatus[];
}

/** What a host's counters are called, here and in `/clusters`. */
export type HostCounter =
  | 'cx_active'
  | 'cx_connect_fail'
  | 'cx_total'
  | 'rq_active'
  | 'rq_error'
  | 'rq_pending_active'
  | 'rq_success'
  | 'rq_timeout'
  | 'rq_total';

export interface HostStatus {
  address: Address;
  additionalAddresses: readonly Address[];
  hostname: string;
  weight: number;
  locality: Locality;
  /** Undefined: not set. */
  localityWeight?: number;
  priority: number;
  canary: boolean;
  metadata: Metadata;
  /** Bits of upstream/host-health.ts. */
  healthFlags: number;
  counter(name: HostCounter): number;
}

export interface ListenerStatus {
  name: string;
  /** As bound: a port 0 is replaced. The first is `address`. */
  addresses: Address[];
}

/** PEM texts, with the place that they came from (a path, or `<inline>`). */
export interface CertificateContext {
  caCertificates: { path: string; pem: string }[];
  /** The leaf of each chain first. */
  chains: { path: string; pem: string }[];
}

export interface AdminRuntime {
  readonly snapshot: RuntimeSnapshot;
  /** @returns what is wrong, if anything. */
  modify(changes: Iterable<readonly [string, string]>): string | undefined;
}

export interface AdminLogging {
  /** Each component of log-components.ts with its level. */
  levels(): Iterable<readonly [component: string, level: LogLevel]>;
  /** @param component undefined: all. Its name and the level are known ones. */
  set(component: string | undefined, level: LogLevel): void;
}

export interface AdminActions {
  /** `/ready` and health check filters answer 503, connections are asked to close. */
  failHealthcheck(): void;
  okHealthcheck(): void;
  drainListeners(how: { graceful: boolean; inboundOnly: boolean; skipExit: boolean }): void;
  reopenLogs(): void;
  /** Ends the server as SIGTERM does, but at once. */
  quit(): void;
}

export interface ExplainAnswer {
  text: string;
  json: unknown;
}
