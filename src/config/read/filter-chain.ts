/**
 * Filter chains: for which connections, with what between socket and filters, and the filters.
 * Follows envoy.config.listener.v3.FilterChain.
 */
import { create, equals } from '@bufbuild/protobuf';
import { toTree } from '#api/encode.ts';
import type { Place } from '#api/place.ts';
import { messageType } from '#api/registry.ts';
import type { FilterChain } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { MATCH_ANYTHING, matchCases, readFilterChainMatch } from '#config/read/filter-chain-match.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { readNetworkFilters } from '#config/read/network-filters.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { readDownstreamTransport } from '#config/read/tls-contexts.ts';
import type { FilterChain as FilterChainMessage } from '#envoy/config/listener/v3/listener_components_pb.js';

const NO_FILTERS = 'a filter chain without filters is not supported by Fairlead: it would close every connection';
const MATCH = 'envoy.config.listener.v3.FilterChainMatch';
const check = honours('envoy.config.listener.v3.FilterChain', [
  'filter_chain_match',
  'filters',
  'metadata',
  'transport_socket',
  'transport_socket_connect_timeout',
  'name',
  'use_proxy_proto',
]);

/** @param listener what errors about the listener begin with. */
export function readFilterChain(
  message: FilterChainMessage,
  at: Place,
  listener: string,
  context: ReadContext,
): FilterChain {
  check(message, at);
  if (message.filters.length === 0) at.field('filters').reportName(NO_FILTERS);
  const matchPlace = at.field('filter_chain_match');
  return {
    name: message.name,
    match:
      matchPlace.attempt(() => readFilterChainMatch(message.filterChainMatch, matchPlace, listener)) ?? MATCH_ANYTHING,
    transport: at.attempt(() =>
      readDownstreamTransport(message.transportSocket, at.field('transport_socket'), context),
    ) ?? { kind: 'raw_buffer' },
    filters: readNetworkFilters(message.filters, at.field('filters'), context),
    transportSocketConnectTimeout: millisecondsOr(message.transportSocketConnectTimeout, 0),
    metadata: readMetadata(message.metadata, at.field('metadata')),
  };
}

/** @param listener as for {@link readFilterChain}. */
export function readFilterChains(
  messages: readonly FilterChainMessage[],
  at: Place,
  listener: string,
  context: ReadContext,
): FilterChain[] {
  return readAll(messages, at, (message, place) => readFilterChain(message, place, listener, context));
}

/**
 * No connection may be for two chains.
 * @param chains what was read of the messages; where some could not be read, there is nothing to compare.
 */
export function checkDistinct(
  messages: readonly FilterChainMessage[],
  chains: readonly FilterChain[],
  at: Place,
  listener: string,
): void {
  if (chains.length < messages.length) return;
  const claimed = new Map<string, number>();
  for (const [i, { name, match }] of chains.entries()) {
    const place = at.index(i).field('filter_chain_match');
    for (const key of matchCases(match)) {
      const other = claimed.get(key);
      claimed.set(key, i);
      if (other === undefined) continue;
      const same = other !== i && sameMatch(messages[i], messages[other]);
      place.report(`${listener}: ${same ? sameWords(messages[i], name, chains[other].name) : OVERLAP}`);
      break;
    }
  }
}

const OVERLAP = 'multiple filter chains with overlapping matching rules are defined';

function sameWords({ filterChainMatch }: FilterChainMessage, name: string, other: string): string {
  const type = messageType(MATCH);
  const tree = JSON.stringify(toTree(type, filterChainMatch ?? create(type)));
  return `filter chain '${name}' has the same matching rules defined as '${other}'. duplicate matcher is: ${tree}`;
}

/** No match is an empty one. */
function sameMatch({ filterChainMatch: a }: FilterChainMessage, { filterChainMatch: b }: FilterChainMessage): boolean {
  const type = messageType(MATCH);
  return equals(type, a ?? create(type), b ?? create(type));
}
