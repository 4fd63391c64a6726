/**
 * Listeners: where clients connect, and what becomes of their connections. Follows envoy.config.listener.v3.Listener.
 */

import type { Place } from '#api/place.ts';
import { sharedBytes } from '#base/shared-bytes.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import { readAccessLogs } from '#config/read/access-log.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { checkDistinct, readFilterChain, readFilterChains } from '#config/read/filter-chain.ts';
import { readFilterChainMatcher } from '#config/read/filter-chain-matcher.ts';
import { impliedListenerFilters, readListenerFilters } from '#config/read/listener-filters.ts';
import { isUdp, type ReadSocket, readListenerSockets } from '#config/read/listener-sockets.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { honours } from '#config/read/support.ts';
import { readUdpListener, readUdpListenerFilters } from '#config/read/udp-listener.ts';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';

const LISTENER = 'envoy.config.listener.v3';

const check = honours(
  `${LISTENER}.Listener`,
  [
    'name',
    'address',
    'additional_addresses',
    'stat_prefix',
    'filter_chains',
    'filter_chain_matcher',
    'default_filter_chain',
    'per_connection_buffer_limit_bytes',
    'metadata',
    'deprecated_v1',
    'drain_type',
    'listener_filters',
    'listener_filters_timeout',
    'continue_on_listener_filters_timeout',
    'traffic_direction',
    'enable_reuse_port',
    'tcp_backlog_size',
    'bind_to_port',
    'ignore_global_conn_limit',
    'bypass_overload_manager',
    'access_log',
    'udp_listener_config',
    'use_original_dst',
    'transparent',
    'freebind',
    'socket_options',
    'tcp_keepalive',
    'tcp_fast_open_queue_length',
    'enable_mptcp',
    'connection_balance_config',
    'internal_listener',
  ],
  {
    withoutEffect: {
      reuse_port: 'Envoy reads enable_reuse_port instead',
      max_connections_to_accept_per_socket_event: 'Node accepts what there is',
    },
    refused: {
      fcds_config: 'filter chains come with their listener',
      stats_matcher: 'stats are chosen by stats_config',
      per_connection_buffer_high_watermark_timeout: 'slow clients are bounded by stream timeouts',
      api_listener: 'API listeners are for Envoy Mobile',
    },
  },
);
const checkInternal = honours(`${LISTENER}.Listener.InternalListenerConfig`, []);
/** So many workers are told apart. */
const MOST_WORKERS = 256;
const checkBalance = honours(`${LISTENER}.Listener.ConnectionBalanceConfig`, ['exact_balance'], {
  refused: {
    extend_balance: 'no extension spreads connections here',
    cpu_locality_balance: 'workers are not bound to processors',
  },
});
const checkDeprecatedV1 = honours(`${LISTENER}.Listener.DeprecatedV1`, ['bind_to_port']);

const NO_UDP_OPTIONS = 'socket options of UDP listeners: Node binds their sockets by itself';
const DEFAULT_BUFFER_LIMIT = 1024 * 1024;
const DEFAULT_LISTENER_FILTERS_TIMEOUT = 15_000;
/** By number of Listener.DrainType. */
const DRAIN_TYPES = ['DEFAULT', 'MODIFY_ONLY'] as const;
/** By number of core.v3.TrafficDirection. */
const DIRECTIONS = ['UNSPECIFIED', 'INBOUND', 'OUTBOUND'] as const;

/** @throws PlacedError for one that cannot be bound; what is wrong inside is noted. */
export function readListener(message: Listener, at: Place, context: ReadContext): ListenerConfig {
  check(message, at);
  const sockets =
    message.listenerSpecifier.case === 'internalListener'
      ? readInternal(message, at, context)
      : readListenerSockets(message, at);
  const words = `error adding listener '${addressText(sockets[0].address)}'`;
  if (isUdp(sockets[0].address)) return readUdp(message, sockets, at, context, words);
  if (message.udpListenerConfig !== undefined) {
    at.field('udp_listener_config').warn("field 'udp_listener_config' has no effect on a TCP listener");
  }
  if (message.filterChains.length === 0 && message.defaultFilterChain === undefined) {
    at.report(`${words}: no filter chains specified`);
  }
  const filterChainMatcher = at.attempt(() => readFilterChainMatcher(message, at, words));
  const chains = readFilterChains(message.filterChains, at.field('filter_chains'), words, context);
  if (message.filterChainMatcher === undefined)
    checkDistinct(message.filterChains, chains, at.field('filter_chains'), words);
  const last = message.defaultFilterChain;
  const defaultPlace = at.field('default_filter_chain');
  const defaultFilterChain = last && defaultPlace.attempt(() => readFilterChain(last, defaultPlace, words, context));
  const listenerFilters = readListenerFilters(message.listenerFilters, at.field('listener_filters'), context);
  return {
    ...readCommon(message, sockets, at, context),
    filterChains: chains,
    ...(defaultFilterChain === undefined ? {} : { defaultFilterChain }),
    ...(filterChainMatcher === undefined ? {} : { filterChainMatcher }),
    listenerFilters: [...listenerFilters, ...impliedListenerFilters(message, at, context)],
  };
}

/** One that only this process connects to: it has a name, and no socket. */
function readInternal(message: Listener, at: Place, { internalListeners }: ReadContext): ReadSocket[] {
  const words = `error adding listener named '${message.name}'`;
  checkInternal((message.listenerSpecifier.value ?? {}) as never, at.field('internal_listener'));
  if (internalListeners !== true) at.report(`${words}: InternalListener bootstrap extension is mandatory`);
  if (message.address !== undefined || message.additionalAddresses.length > 0)
    at.field('address').report(`${words}: address should not be used when an internal listener config is provided`);
  if (message.socketOptions.length > 0) at.field('socket_options').report(`${words}: does not support socket option`);
  const { enableMptcp, freebind, transparent, tcpBacklogSize, tcpFastOpenQueueLength: queue, tcpKeepalive } = message;
  if (
    [enableMptcp || undefined, freebind, transparent, tcpBacklogSize, queue, tcpKeepalive].some((f) => f !== undefined)
  )
    at.report(`${words}: has unsupported tcp listener feature`);
  return [{ address: { kind: 'internal', name: message.name, endpointId: '' }, options: [] }];
}

function internalStatPrefix(address: Address): string {
  return address.kind === 'internal' ? `envoy_internal_${address.name}` : '';
}

/** A listener without connections. */
function readUdp(
  message: Listener,
  sockets: ReadSocket[],
  at: Place,
  context: ReadContext,
  words: string,
): ListenerConfig {
  if (message.enableReusePort === false) {
    at.field('enable_reuse_port').warn('with several workers, a UDP listener needs enable_reuse_port');
  }
  if (sockets.some(({ options }) => options.length > 0)) at.collect(at.unsupported(NO_UDP_OPTIONS));
  return {
    ...readCommon(message, sockets, at, context),
    filterChains: [],
    udp: readUdpListener(message, at, words),
    listenerFilters: readUdpListenerFilters(message.listenerFilters, at.field('listener_filters'), context),
  };
}

type Own = 'filterChains' | 'defaultFilterChain' | 'filterChainMatcher' | 'listenerFilters' | 'udp';

/** What listeners of all kinds have. */
function readCommon(
  message: Listener,
  sockets: ReadSocket[],
  at: Place,
  context: ReadContext,
): Omit<ListenerConfig, Own> {
  return {
    name: message.name,
    addresses: sockets.map(({ address }) => address),
    statPrefix: message.statPrefix || internalStatPrefix(sockets[0].address),
    listenerFiltersTimeout: millisecondsOr(message.listenerFiltersTimeout, DEFAULT_LISTENER_FILTERS_TIMEOUT),
    continueOnListenerFiltersTimeout: message.continueOnListenerFiltersTimeout,
    perConnectionBufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT,
    ...(message.tcpBacklogSize === undefined ? {} : { tcpBacklogSize: message.tcpBacklogSize }),
    enableReusePort: message.enableReusePort ?? true,
    bindToPort: readBindToPort(message, at),
    useOriginalDst: message.useOriginalDst ?? false,
    socketOptions: sockets.map(({ options }) => options),
    mptcp: message.enableMptcp,
    trafficDirection: DIRECTIONS[message.trafficDirection] ?? 'UNSPECIFIED',
    drainType: DRAIN_TYPES[message.drainType] ?? 'DEFAULT',
    accessLog: readAccessLogs(message.accessLog, at.field('access_log'), context),
    ignoreGlobalConnLimit: message.ignoreGlobalConnLimit,
    bypassOverloadManager: message.bypassOverloadManager,
    connectionCount: sharedBytes(4),
    ...readBalance(message, at),
    maxConnectionsToAcceptPerSocketEvent: message.maxConnectionsToAcceptPerSocketEvent ?? 0,
    metadata: readMetadata(message.metadata, at.field('metadata')),
  };
}

/** Exact: 1 KiB of counts, one a worker. */
function readBalance({ connectionBalanceConfig: config }: Listener, at: Place): Pick<ListenerConfig, 'balance'> {
  if (config === undefined) return {};
  checkBalance(config, at.field('connection_balance_config'));
  return config.balanceType.case === 'exactBalance' ? { balance: sharedBytes(MOST_WORKERS * 4) } : {};
}

function readBindToPort(message: Listener, at: Place): boolean {
  const { deprecatedV1, bindToPort } = message;
  if (deprecatedV1 !== undefined) checkDeprecatedV1(deprecatedV1, at.field('deprecated_v1'));
  return bindToPort ?? deprecatedV1?.bindToPort ?? true;
}
