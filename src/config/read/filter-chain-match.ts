/**
 * What connections a filter chain is for, and whether two chains of a listener claim the same ones.
 * Follows envoy.config.listener.v3.FilterChainMatch.
 */
import type { Place } from '#api/place.ts';
import type { CidrRange } from '#config/model/address.ts';
import type { FilterChainMatch } from '#config/model/listener.ts';
import { readCidrRanges } from '#config/read/address.ts';
import { honours } from '#config/read/support.ts';
import { networkText } from '#config/syntax/network-text.ts';
import type { FilterChainMatch as MatchMessage } from '#envoy/config/listener/v3/listener_components_pb.js';

const check = honours(
  'envoy.config.listener.v3.FilterChainMatch',
  [
    'destination_port',
    'prefix_ranges',
    'server_names',
    'transport_protocol',
    'application_protocols',
    'direct_source_prefix_ranges',
    'source_type',
    'source_prefix_ranges',
    'source_ports',
  ],
  {
    refused: { address_suffix: 'Envoy does not implement it either', suffix_len: 'Envoy does not implement it either' },
  },
);

/** By number of FilterChainMatch.ConnectionSourceType. */
const SOURCE_TYPES = ['ANY', 'SAME_IP_OR_LOOPBACK', 'EXTERNAL'] as const;

export const MATCH_ANYTHING: FilterChainMatch = {
  prefixRanges: [],
  serverNames: [],
  transportProtocol: '',
  applicationProtocols: [],
  directSourcePrefixRanges: [],
  sourceType: 'ANY',
  sourcePrefixRanges: [],
  sourcePorts: [],
};

/** @param listener what errors about the listener begin with. */
export function readFilterChainMatch(message: MatchMessage | undefined, at: Place, listener: string): FilterChainMatch {
  if (message === undefined) return MATCH_ANYTHING;
  check(message, at);
  for (const [i, name] of message.serverNames.entries()) {
    if (name.includes('*') && !name.startsWith('*.')) {
      const words = 'partial wildcards are not supported in "server_names"';
      at.field('server_names').index(i).report(`${listener}: ${words}`);
    }
  }
  return {
    ...(message.destinationPort === undefined ? {} : { destinationPort: message.destinationPort }),
    prefixRanges: readCidrRanges(message.prefixRanges, at.field('prefix_ranges')),
    serverNames: message.serverNames,
    transportProtocol: message.transportProtocol,
    applicationProtocols: message.applicationProtocols,
    directSourcePrefixRanges: readCidrRanges(message.directSourcePrefixRanges, at.field('direct_source_prefix_ranges')),
    sourceType: SOURCE_TYPES[message.sourceType] ?? 'ANY',
    sourcePrefixRanges: readCidrRanges(message.sourcePrefixRanges, at.field('source_prefix_ranges')),
    sourcePorts: message.sourcePorts,
  };
}

/** Every single case that the match stands for, as text: two that are equal overlap, also within one match. */
export function* matchCases(match: FilterChainMatch): Generator<string> {
  yield* combine(
    [
      [match.destinationPort === undefined ? '' : String(match.destinationPort)],
      networks(match.prefixRanges),
      orAny(match.serverNames.map((name) => name.toLowerCase())),
      [match.transportProtocol],
      orAny(match.applicationProtocols),
      networks(match.directSourcePrefixRanges),
      [match.sourceType],
      networks(match.sourcePrefixRanges),
      orAny(match.sourcePorts.map(String)),
    ],
    0,
    '',
  );
}

function* combine(steps: readonly string[][], from: number, sofar: string): Generator<string> {
  if (from === steps.length) yield sofar;
  else for (const value of steps[from]) yield* combine(steps, from + 1, `${sofar}${value}\n`);
}

function networks(ranges: readonly CidrRange[]): string[] {
  return orAny(ranges.map(networkText));
}

function orAny(values: string[]): string[] {
  return values.length === 0 ? [''] : values;
}
