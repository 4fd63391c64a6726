/**
 * Listeners and filter chains as plain data. Follows config.listener.v3.
 */
import type { AccessLogConfig } from './access-log.ts';
import type { Address, CidrRange } from './address.ts';
import type { ConfigSource } from './config-source.ts';
import type { MatcherTree } from './matcher-tree.ts';
import type { Metadata } from './route.ts';
import type { SocketOption } from './socket-option.ts';
import type { DownstreamTransport } from './tls.ts';
import type { UdpListenerConfig } from './udp.ts';

export interface ListenerConfig {
  name: string;
  /** The first is `address`, the others `additional_addresses`. */
  addresses: Address[];
  /** Prefix of the listener's stats, `stat_prefix`; empty: the address. */
  statPrefix: string;
  filterChains: FilterChain[];
  defaultFilterChain?: FilterChain;
  filterChainMatcher?: MatcherTree<string>;
  listenerFilters: ListenerFilterUse[];
  listenerFiltersTimeout: number;
  continueOnListenerFiltersTimeout: boolean;
  perConnectionBufferLimitBytes: number;
  tcpBacklogSize?: number;
  enableReusePort: boolean;
  bindToPort: boolean;
  /** Redirected connections go to the listener of their original destination. */
  useOriginalDst: boolean;
  /** For each of `addresses`, in the order in which they are set. */
  socketOptions: SocketOption[][];
  mptcp: boolean;
  trafficDirection: 'UNSPECIFIED' | 'INBOUND' | 'OUTBOUND';
  drainType: 'DEFAULT' | 'MODIFY_ONLY';
  accessLog: AccessLogConfig[];
  ignoreGlobalConnLimit: boolean;
  /** The overload manager's limits are not this listener's. */
  bypassOverloadManager: boolean;
  /** Counts the listener's connections on all workers: four bytes that they share. */
  connectionCount: SharedArrayBuffer;
  /** Workers get equally many connections: counts of them that all share. Undefined: the kernel spreads them. */
  balance?: SharedArrayBuffer;
  maxConnectionsToAcceptPerSocketEvent: number;
  /** Of a listener whose addresses are UDP. */
  udp?: UdpListenerConfig;
  metadata: Metadata;
}

export interface FilterChain {
  name: string;
  match: FilterChainMatch;
  filters: FilterUse[];
  transport: DownstreamTransport;
  transportSocketConnectTimeout: number;
  metadata: Metadata;
}

/** Undefined or empty: matches anything. Follows config.listener.v3.FilterChainMatch. */
export interface FilterChainMatch {
  destinationPort?: number;
  prefixRanges: CidrRange[];
  serverNames: string[];
  transportProtocol: string;
  applicationProtocols: string[];
  directSourcePrefixRanges: CidrRange[];
  sourceType: 'ANY' | 'SAME_IP_OR_LOOPBACK' | 'EXTERNAL';
  sourcePrefixRanges: CidrRange[];
  sourcePorts: number[];
}

/** A listener filter, and the connections that it leaves alone. */
export interface ListenerFilterUse extends FilterUse {
  disabledFor?: ListenerFilterPredicate;
}

/** Follows config.listener.v3.ListenerFilterChainMatchPredicate. Of a range of ports, the end is outside. */
export type ListenerFilterPredicate =
  | { kind: 'any' }
  | { kind: 'destination_port'; start: number; end: number }
  | { kind: 'and' | 'or'; predicates: ListenerFilterPredicate[] }
  | { kind: 'not'; predicate: ListenerFilterPredicate };

/** One filter as used in a chain: `config` is plain data made by the reader that is registered for `typeUrl`. */
export interface FilterUse {
  name: string;
  typeUrl: string;
  config: unknown;
  disabled: boolean;
  /** Type and configuration are fetched. */
  discovered?: DiscoveredConfig;
}

/** What an extension is and how it is configured. */
export interface ExtensionUse {
  typeUrl: string;
  config: unknown;
}

/** What kinds of filters are fetched, as their stats call them. */
export type DiscoveredCategory = 'http_filter' | 'network_filter' | 'tcp_listener_filter';

/** Where an extension's configuration comes from. Follows config.core.v3.ExtensionConfigSource. */
export interface DiscoveredConfig {
  /** Tells apart what is fetched from different places under one name. */
  key: string;
  source: ConfigSource;
  category: DiscoveredCategory;
  /** Full names of the messages that it may be. */
  types: string[];
  /** What needs it waits for it. */
  warms: boolean;
  /** default_config: until something else is there. */
  fallback?: ExtensionUse;
}
