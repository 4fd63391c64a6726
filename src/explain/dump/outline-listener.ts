/**
 * A dump's listener as far as it takes part in choosing: addresses and what its filter chains match. Filters and transports are read when a
 * connection has come to a chain.
 * Follows envoy.config.listener.v3.Listener.
 */

import { sharedBytes } from '#base/shared-bytes.ts';
import type { Address } from '#config/model/address.ts';
import type {
  FilterChain,
  FilterChainMatch,
  ListenerConfig,
  ListenerFilterPredicate,
  ListenerFilterUse,
} from '#config/model/listener.ts';
import { readAddress } from '#config/read/address.ts';
import { MATCH_ANYTHING, readFilterChainMatch } from '#config/read/filter-chain-match.ts';
import { readFilterChainMatcher } from '#config/read/filter-chain-matcher.ts';
import { readListenerFilterPredicate } from '#config/read/listener-filter-predicate.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import type { Address as AddressMessage } from '#envoy/config/core/v3/address_pb.js';
import type {
  FilterChainMatch as MatchMessage,
  ListenerFilterChainMatchPredicate as PredicateMessage,
} from '#envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';
import { readLeniently } from '#explain/dump/read-leniently.ts';

/** The JSON that each part was made of, to be read further. */
export interface ListenerOutline {
  listener: ListenerConfig;
  json: JsonObject;
  chains: Map<FilterChain, JsonObject>;
}

type Note = (what: string) => void;

/**
 * @param bound the addresses that listeners are bound to, by name, where they are known.
 * @returns undefined for one without an address that could be read.
 */
export function outlineListener(
  json: JsonObject,
  reader: DumpReader,
  note: Note,
  bound?: ReadonlyMap<string, Address[]>,
): ListenerOutline | undefined {
  const name = reader.text(json, 'name');
  const addresses = bound?.get(name) ?? addressesOf(json, reader, note);
  if (addresses.length === 0) return undefined;
  const chains = new Map<FilterChain, JsonObject>();
  const outline = (chain: JsonObject): FilterChain => {
    const outlined = outlineChain(chain, name, reader, note);
    chains.set(outlined, chain);
    return outlined;
  };
  const last = reader.object(json, 'default_filter_chain');
  const filterChains = reader.objects(json, 'filter_chains').map(outline);
  const matcher = reader.has(json, 'filter_chain_matcher') ? readMatcher(json, filterChains, note) : undefined;
  const direction = reader.text(json, 'traffic_direction');
  const listener: ListenerConfig = {
    name,
    addresses,
    statPrefix: '',
    filterChains,
    ...(last === undefined ? {} : { defaultFilterChain: outline(last) }),
    ...(matcher === undefined ? {} : { filterChainMatcher: matcher }),
    listenerFilters: reader.objects(json, 'listener_filters').map((filter) => outlineFilter(filter, reader, note)),
    listenerFiltersTimeout: 0,
    continueOnListenerFiltersTimeout: true,
    perConnectionBufferLimitBytes: 0,
    enableReusePort: true,
    bindToPort: bindsToPort(json, reader),
    useOriginalDst: reader.flag(json, 'use_original_dst'),
    socketOptions: [],
    mptcp: false,
    trafficDirection: direction === 'INBOUND' || direction === 'OUTBOUND' ? direction : 'UNSPECIFIED',
    drainType: 'DEFAULT',
    accessLog: [],
    ignoreGlobalConnLimit: false,
    bypassOverloadManager: false,
    connectionCount: sharedBytes(4),
    maxConnectionsToAcceptPerSocketEvent: 0,
    metadata: {},
  };
  return { listener, json, chains };
}

function outlineFilter(json: JsonObject, reader: DumpReader, note: Note): ListenerFilterUse {
  const rule = reader.object(json, 'filter_disabled');
  const disabledFor =
    rule &&
    readLeniently<PredicateMessage, ListenerFilterPredicate | undefined>(
      'envoy.config.listener.v3.ListenerFilterChainMatchPredicate',
      rule,
      readListenerFilterPredicate,
      note,
    );
  const config = reader.object(json, 'typed_config');
  return {
    name: reader.text(json, 'name'),
    typeUrl: reader.text(config, '@type'),
    // All that is asked of one: of proxy_protocol, whether it lets those pass who do not speak it.
    config: { allowsAbsent: reader.flag(config, 'allow_requests_without_proxy_protocol') },
    disabled: false,
    ...(disabledFor === undefined ? {} : { disabledFor }),
  };
}

function bindsToPort(json: JsonObject, reader: DumpReader): boolean {
  if (reader.has(json, 'bind_to_port')) return reader.flag(json, 'bind_to_port');
  const old = reader.object(json, 'deprecated_v1');
  return !reader.has(old, 'bind_to_port') || reader.flag(old, 'bind_to_port');
}

function addressesOf(json: JsonObject, reader: DumpReader, note: Note): Address[] {
  const holders = [json, ...reader.objects(json, 'additional_addresses')];
  return holders.flatMap((holder) => {
    const address = reader.object(holder, 'address');
    if (address === undefined) return [];
    const read = readLeniently<AddressMessage, Address>('envoy.config.core.v3.Address', address, readAddress, note);
    return read === undefined ? [] : [read];
  });
}

function outlineChain(json: JsonObject, listener: string, reader: DumpReader, note: Note): FilterChain {
  const match = reader.object(json, 'filter_chain_match');
  const read = (message: MatchMessage, at: Parameters<typeof readFilterChainMatch>[1]) =>
    readFilterChainMatch(message, at, `listener '${listener}'`);
  return {
    name: reader.text(json, 'name'),
    match:
      (match &&
        readLeniently<MatchMessage, FilterChainMatch>(
          'envoy.config.listener.v3.FilterChainMatch',
          match,
          read,
          note,
        )) ??
      MATCH_ANYTHING,
    filters: [],
    transport: { kind: 'raw_buffer' },
    transportSocketConnectTimeout: 0,
    metadata: {},
  };
}

function readMatcher(
  json: JsonObject,
  chains: readonly FilterChain[],
  note: Note,
): ListenerConfig['filterChainMatcher'] {
  const alone = {
    filter_chain_matcher: json.filter_chain_matcher ?? json.filterChainMatcher,
    filter_chains: chains.map(({ name }) => ({ name })),
  };
  type Matcher = ListenerConfig['filterChainMatcher'];
  return readLeniently<Listener, Matcher>(
    'envoy.config.listener.v3.Listener',
    alone,
    (message, at) => readFilterChainMatcher(message, at, 'listener'),
    note,
  );
}
