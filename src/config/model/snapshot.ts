/**
 * The whole configuration of a proxy as plain data: immutable, structured-cloneable, no classes, so that it crosses threads and
 * explain and the admin API read the same thing. Follows config.bootstrap.v3.Bootstrap.
 */
import type { AccessLogConfig } from './access-log.ts';
import type { Address } from './address.ts';
import type { ClusterConfig, Locality, UpstreamBindConfig } from './cluster.ts';
import type { ApiConfigSource, ConfigSource, GrpcService } from './config-source.ts';
import type { ListenerConfig } from './listener.ts';
import type { StringMatcher } from './matchers.ts';
import type { Json, Metadata } from './route.ts';
import type { SocketOption } from './socket-option.ts';
import type { WatchdogsConfig } from './watchdog.ts';

export interface Snapshot {
  node: NodeInfo;
  admin?: AdminConfig;
  listeners: ListenerConfig[];
  clusters: ClusterConfig[];
  dynamic: DynamicResources;
  runtime: RuntimeLayer[];
  stats: StatsConfig;
  /** stats_flush_interval, milliseconds; default 5,000. */
  statsFlushInterval: number;
  statsFlushOnAdmin: boolean;
  clusterManager: ClusterManagerConfig;
  overload: { maxActiveDownstreamConnections?: number };
  watchdogs: WatchdogsConfig;
  statsServerVersionOverride?: number;
  /** How the program's own log is written, in spdlog's pattern; absent: as the command line says. */
  logFormat?: string;
}

/** Follows config.bootstrap.v3.ClusterManager. */
export interface ClusterManagerConfig {
  localClusterName: string;
  bind?: UpstreamBindConfig;
  /** Whom load is reported to. */
  loadStats?: GrpcService;
}

/** Where more comes from. Follows config.bootstrap.v3.Bootstrap.DynamicResources. */
export interface DynamicResources {
  ads?: ApiConfigSource;
  cds?: ConfigSource;
  lds?: ConfigSource;
}

/** Follows config.bootstrap.v3.Admin. */
export interface AdminConfig {
  address: Address;
  accessLog: AccessLogConfig[];
  profilePath: string;
  /** Of its listening socket, for an IP address. */
  socketOptions: SocketOption[];
  /** Its connections do not go by the runtime's limit on all connections. */
  ignoreGlobalConnLimit: boolean;
  /** Of a path with its query; empty: every path is served. */
  allowPaths: StringMatcher[];
}

export interface NodeInfo {
  id: string;
  cluster: string;
  metadata: { [key: string]: Json };
  locality: Locality;
}

/** One layer of the runtime, lowest first. Follows config.bootstrap.v3.LayeredRuntime. */
export type RuntimeLayer =
  | { name: string; kind: 'static'; values: { [key: string]: Json } }
  | { name: string; kind: 'disk'; symlinkRoot: string; subdirectory: string; appendServiceCluster: boolean }
  | { name: string; kind: 'rtds'; resourceName: string; source: ConfigSource }
  | { name: string; kind: 'admin' };

/** Follows config.metrics.v3.StatsConfig. */
export interface StatsConfig {
  tags: { tagName: string; regex?: string; fixedValue?: string }[];
  useAllDefaultTags: boolean;
  /** A tag of `tags` takes the place of the default tag of its name; else the default holds. */
  allowDefaultTagOverrides: boolean;
  matcher?: { kind: 'inclusion' | 'exclusion'; patterns: StringMatcher[] } | { kind: 'reject_all'; rejectAll: boolean };
  histogramBuckets: { match: StringMatcher; buckets: number[] }[];
}

export type { Metadata };
