/**
 * Listeners: where clients connect, and what becomes of their connections. Follows envoy.config.listener.v3.Listener.
 */
import type { Place } from '#api/place.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import { readAccessLogs } from '#config/read/access-log.ts';
import { readAddress } from '#config/read/address.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { checkDistinct, readFilterChain, readFilterChains } from '#config/read/filter-chain.ts';
import { readFilterChainMatcher } from '#config/read/filter-chain-matcher.ts';
import { readListenerFilters } from '#config/read/listener-filters.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { readUdpListener, readUdpListenerFilters } from '#config/read/udp-listener.ts';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';

const LISTENER = 'envoy.config.listener.v3';
const NO_SOCKET_OPTIONS = 'Node sets no such socket option';

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
    // Honoured at their defaults: see `refuseWhatIsOn`.
    'use_original_dst',
    'transparent',
    'freebind',
    'enable_mptcp',
  ],
  {
    withoutEffect: {
      reuse_port: 'Envoy reads enable_reuse_port instead',
      connection_balance_config: 'the kernel spreads connections over workers',
      max_connections_to_accept_per_socket_event: 'Node accepts what there is',
    },
    refused: {
      fcds_config: 'filter chains by discovery come with xDS',
      stats_matcher: 'stats are chosen by stats_config',
      per_connection_buffer_high_watermark_timeout: 'slow clients are bounded by stream timeouts',
      socket_options: NO_SOCKET_OPTIONS,
      tcp_fast_open_queue_length: NO_SOCKET_OPTIONS,
      api_listener: 'API listeners are for Envoy Mobile',
      internal_listener: 'internal listeners come later',
      tcp_keepalive: NO_SOCKET_OPTIONS,
    },
  },
);
const checkAdditional = honours(`${LISTENER}.AdditionalAddress`, ['address'], {
  refused: { socket_options: NO_SOCKET_OPTIONS, tcp_keepalive: NO_SOCKET_OPTIONS },
});
const checkDeprecatedV1 = honours(`${LISTENER}.Listener.DeprecatedV1`, ['bind_to_port']);

const DEFAULT_BUFFER_LIMIT = 1024 * 1024;
const DEFAULT_LISTENER_FILTERS_TIMEOUT = 15_000;
/** By number of Listener.DrainType. */
const DRAIN_TYPES = ['DEFAULT', 'MODIFY_ONLY'] as const;
/** By number of core.v3.TrafficDirection. */
const DIRECTIONS = ['UNSPECIFIED', 'INBOUND', 'OUTBOUND'] as const;

/** @throws PlacedError for one that cannot be bound; what is wrong inside is noted. */
export function readListener(message: Listener, at: Place, context: ReadContext): ListenerConfig {
  check(message, at);
  refuseWhatIsOn(message, at);
  const addresses = readAddresses(message, at);
  const bound = addressText(addresses[0]);
  const words = `error adding listener '${bound}'`;
  if (isUdp(addresses[0])) return readUdp(message, addresses, at, context, words);
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
    ...readCommon(message, addresses, at, context),
    filterChains: chains,
    ...(defaultFilterChain === undefined ? {} : { defaultFilterChain }),
    ...(filterChainMatcher === undefined ? {} : { filterChainMatcher }),
    listenerFilters: listenerFilters,
  };
}

/** A listener without connections. */
function readUdp(
  message: Listener,
  addresses: Address[],
  at: Place,
  context: ReadContext,
  words: string,
): ListenerConfig {
  if (message.enableReusePort === false) {
    at.field('enable_reuse_port').warn('with several workers, a UDP listener needs enable_reuse_port');
  }
  return {
    ...readCommon(message, addresses, at, context),
    filterChains: [],
    udp: readUdpListener(message, at, words),
    listenerFilters: readUdpListenerFilters(message.listenerFilters, at.field('listener_filters'), words, context),
  };
}

type Own = 'filterChains' | 'defaultFilterChain' | 'filterChainMatcher' | 'listenerFilters' | 'udp';

/** What listeners of all kinds have. */
function readCommon(
  message: Listener,
  addresses: Address[],
  at: Place,
  context: ReadContext,
): Omit<ListenerConfig, Own> {
  return {
    name: message.name,
    addresses,
    statPrefix: message.statPrefix,
    listenerFiltersTimeout: millisecondsOr(message.listenerFiltersTimeout, DEFAULT_LISTENER_FILTERS_TIMEOUT),
    continueOnListenerFiltersTimeout: message.continueOnListenerFiltersTimeout,
    perConnectionBufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT,
    ...(message.tcpBacklogSize === undefined ? {} : { tcpBacklogSize: message.tcpBacklogSize }),
    enableReusePort: message.enableReusePort ?? true,
    bindToPort: readBindToPort(message, at),
    useOriginalDst: false,
    transparent: false,
    freebind: false,
    trafficDirection: DIRECTIONS[message.trafficDirection] ?? 'UNSPECIFIED',
    drainType: DRAIN_TYPES[message.drainType] ?? 'DEFAULT',
    accessLog: readAccessLogs(message.accessLog, at.field('access_log'), context),
    // The overload manager does nothing but to limit connections.
    ignoreGlobalConnLimit: message.ignoreGlobalConnLimit || message.bypassOverloadManager,
    maxConnectionsToAcceptPerSocketEvent: message.maxConnectionsToAcceptPerSocketEvent ?? 0,
    metadata: readMetadata(message.metadata, at.field('metadata')),
  };
}

/** Fields that may be written out at their default. */
function refuseWhatIsOn(message: Listener, at: Place): void {
  const refuse = (on: boolean | undefined, field: string, why: string) => {
    if (on === true) at.collect(at.field(field).unsupported(why));
  };
  refuse(message.useOriginalDst, 'use_original_dst', 'redirected connections come with listener filters');
  refuse(message.transparent, 'transparent', NO_SOCKET_OPTIONS);
  refuse(message.freebind, 'freebind', NO_SOCKET_OPTIONS);
  refuse(message.enableMptcp, 'enable_mptcp', 'Node opens no MPTCP sockets');
}

function readAddresses(message: Listener, at: Place): Address[] {
  const first = readAddress(message.address, at.field('address'));
  const others = readAll(message.additionalAddresses, at.field('additional_addresses'), (additional, place) => {
    checkAdditional(additional, place);
    const inside = place.field('address');
    const address = readAddress(additional.address, inside);
    if (isUdp(address) === isUdp(first)) return address;
    throw inside.problem(`error adding listener named '${message.name}': has different socket type`);
  });
  return [first, ...others];
}

function isUdp(address: Address): boolean {
  return address.kind === 'ip' && address.protocol === 'UDP';
}

function readBindToPort(message: Listener, at: Place): boolean {
  const { deprecatedV1, bindToPort } = message;
  if (deprecatedV1 !== undefined) checkDeprecatedV1(deprecatedV1, at.field('deprecated_v1'));
  return bindToPort ?? deprecatedV1?.bindToPort ?? true;
}
