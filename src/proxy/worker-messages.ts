/**
 * What main thread and workers tell each other. Everything is plain data; with one worker, which lives on the main thread, the same
 * messages are plain calls.
 */

import type { LoggingOptions, LogLevel } from '#base/logger.ts';
import type { Address } from '#config/model/address.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ExtensionUse, FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { RouteTable, VirtualHost } from '#config/model/route.ts';
import type { ScopedRoute } from '#config/model/scoped-routes.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import type { SecretValue } from '#config/model/tls.ts';
import type { AskedQuestion, RouteQuestion } from '#proxy/http/route-demands.ts';
import type { LogFileSettings } from '#proxy/observe/access-log/access-log-context.ts';
import type { HistogramInterval, StatDefinitions } from '#proxy/observe/stats/definitions.ts';
import type { CircuitBreakerSlots } from '#proxy/upstream/circuit-breaker-slots.ts';
import type { RedisTrouble } from '#proxy/upstream/discovery/redis-slots.ts';
import type { DnsAnswer, DnsQuestion } from '#proxy/upstream/dns-cache/dns-caches.ts';
import type { EndpointSums } from '#proxy/upstream/endpoint-metrics.ts';
import type { HostSetUpdate, HostUpdate } from '#proxy/upstream/host-set-update.ts';
import type { HandedConnection } from '#proxy/worker-context.ts';
import type { PlacedHost } from '#proxy/xds/merged-hosts.ts';
import type { RuntimeSnapshot } from '#selection/runtime-view.ts';

/** What a worker is made of. */
export interface WorkerStart {
  index: number;
  concurrency: number;
  snapshot: Snapshot;
  runtime: RuntimeSnapshot;
  /** By cluster name. */
  circuitBreakers: { [cluster: string]: CircuitBreakerSlots };
  /** Counts connections, those of all workers: see GlobalConnections. */
  connectionCounts: SharedArrayBuffer;
  /** Random bytes, new in each process, for the keys of TLS session tickets. */
  ticketSecret: Uint8Array;
  /** The secrets that are there, by key. */
  secrets: { [key: string]: SecretValue };
  drainTimeMs: number;
  drainStrategy: 'gradual' | 'immediate';
  localAddressIpVersion: 'v4' | 'v6';
  logFiles: LogFileSettings;
  logging: LoggingOptions;
}

/** Where a worker is to listen for one address of a listener. */
export interface ListenPlace {
  /** For an address with port 0: the port that the first worker got. */
  port: number;
  /** Listening sockets that are there already, for this worker alone. Empty: a new one is bound. */
  fds: number[];
}

/** An address as bound, and the sockets there. */
export interface BoundAddress {
  address: Address;
  fds: number[];
  kind: 'tcp' | 'pipe' | 'udp';
  /** Other workers can have sockets of their own there (SO_REUSEPORT). */
  reusable: boolean;
}

/** A cluster that is new, or takes the place of another of its name. */
export interface ClusterUpdate {
  config: ClusterConfig;
  slots: CircuitBreakerSlots;
  /** Undefined: they come later. */
  hosts?: HostSetUpdate;
}

/** Filter chains of a listener in place of others. Those that stay are named by where they stand now. */
export interface FilterChainUpdate {
  listener: string;
  config: Omit<ListenerConfig, 'filterChains' | 'defaultFilterChain'>;
  filterChains: (number | FilterChain)[];
  defaultFilterChain: FilterChain | 'kept' | undefined;
  /** Counts up. */
  update: number;
}

/** A route table that is new; other virtual hosts in one (new ones, and where others stand now); or some in the place of others. */
export type RouteTableUpdate =
  | { kind: 'table'; table: RouteTable }
  | { kind: 'hosts'; hosts: (number | VirtualHost)[] }
  | { kind: 'changes'; changes: PlacedHost[] };

export type ToWorker =
  /** Make a listener; it does not listen yet. `id` tells versions of one name apart; the snapshot's have their place in it. */
  | { kind: 'add_listener'; id: number; config: ListenerConfig }
  /**
   * Bind listeners, or use the sockets that are there: by listener name, one place for each of its addresses. One that serves under the
   * same name is replaced, and leaves.
   */
  | { kind: 'listen'; listeners: number[]; places: { [listener: string]: ListenPlace[] } }
  /** A listener accepts no more; its connections drain. */
  | { kind: 'leave_listener'; id: number }
  /** Its drain time is over, or it cannot listen. */
  | { kind: 'end_listener'; id: number }
  /** A connection that another worker accepted for this one. */
  | { kind: 'take_over'; connection: HandedConnection }
  | ({ kind: 'update_chains' } & FilterChainUpdate)
  /** The drain time of the chains that an update took away is over. */
  | { kind: 'end_chains'; listener: string; update: number }
  | { kind: 'clusters'; set: ClusterUpdate[]; removed: string[] }
  | { kind: 'routes'; key: string; update: RouteTableUpdate }
  | { kind: 'routes_gone'; key: string }
  /** A filter's configuration that ECDS brings; undefined: there is none. */
  | { kind: 'extension'; key: string; use: ExtensionUse | undefined }
  /** The scopes that SRDS brings; undefined: nobody uses them any more. */
  | { kind: 'scopes'; key: string; scopes: ScopedRoute[] | undefined }
  /** The table of a scope that was on demand is here. */
  | { kind: 'scope'; key: string; scope: ScopedRoute }
  /** What requests asked for is here, or nobody has it. */
  | { kind: 'route_answer'; question: RouteQuestion }
  | { kind: 'hosts'; update: HostSetUpdate }
  | { kind: 'runtime'; snapshot: RuntimeSnapshot }
  /** A secret is there or has changed; undefined: it is gone. */
  | { kind: 'secret'; key: string; value: SecretValue | undefined }
  /** What became of a name that a request gave. */
  | { kind: 'dns_answer'; answer: DnsAnswer }
  /** Close listening sockets. */
  | { kind: 'stop_listeners'; inboundOnly: boolean }
  /** Connections are to go: all of them now, idle ones at once, or little by little as the drain strategy says. */
  | { kind: 'drain'; immediate: boolean }
  /** The admin API was told to fail health checks, or no more. */
  | { kind: 'healthcheck'; fails: boolean }
  /** Everything runs: from now on the worker shows that it moves, by a number for each worker. */
  | { kind: 'watch'; touched: SharedArrayBuffer }
  | { kind: 'reopen_logs' }
  | { kind: 'log_level'; component: string | undefined; level: LogLevel }
  | { kind: 'histograms' }
  | { kind: 'endpoint_metrics' }
  | { kind: 'stop' };

export type FromWorker =
  | { kind: 'ready' }
  /** The configuration asks for what cannot be had, such as a file that cannot be opened. */
  | { kind: 'cannot_start'; message: string }
  /** What listens, and why another listener does not. */
  | { kind: 'listening'; bound: { [listener: string]: BoundAddress[] }; failed?: string }
  /** Nothing more is accepted by the listeners that were to stop. */
  | { kind: 'listeners_stopped' }
  | { kind: 'stats'; definitions: StatDefinitions }
  | { kind: 'histograms'; intervals: HistogramInterval[] }
  /** What endpoints said of their load since the last time, by cluster. */
  | { kind: 'endpoint_metrics'; sums: Map<string, EndpointSums> }
  /** A request asks for a name, or still does. */
  | { kind: 'dns_question'; question: DnsQuestion }
  /** A request has no route, or no cluster, and one may be fetched. */
  | { kind: 'route_question'; question: AskedQuestion }
  /** A request made a member of an ORIGINAL_DST cluster. */
  | { kind: 'found_host'; cluster: string; host: HostUpdate }
  /** A host of a cluster whose members Redis names sent a command elsewhere, or did not answer it. */
  | { kind: 'redis_trouble'; cluster: string; what: RedisTrouble }
  /** A connection of a listener is another worker's. */
  | { kind: 'hand_over'; worker: number; connection: HandedConnection }
  | { kind: 'bug' }
  | { kind: 'stopped' };
