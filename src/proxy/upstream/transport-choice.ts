/**
 * Which of a cluster's transports a host gets: the first whose `match` its metadata have, or the one that a generic matcher names.
 * Follows config.cluster.v3.Cluster.transport_socket_matches and transport_socket_matcher.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { MatchInput } from '#config/model/matcher-tree.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { metadataAt } from '#selection/match-metadata.ts';
import { compileTree, type InputReader } from '#selection/matcher-tree.ts';

/** The metadata of hosts that choose among the transports. */
const MATCH_METADATA = 'envoy.transport_socket_match';
/** What a matcher's input looks at where it names no filter. */
const DEFAULT_FILTER = 'envoy.lb';

/** @returns the index among `transportSocketMatches`; -1: the cluster's own transport */
export type TransportChoice = (host: Pick<Host, 'metadata'>) => number;

export function transportChoice({
  transportSocketMatches,
  transportSocketMatcher,
}: Pick<ClusterConfig, 'transportSocketMatches' | 'transportSocketMatcher'>): TransportChoice {
  if (transportSocketMatcher === undefined) {
    const all = transportSocketMatches.map(({ match }) => Object.entries(match));
    return ({ metadata }) => {
      const given = metadata[MATCH_METADATA] as { [key: string]: unknown } | undefined;
      return all.findIndex((match) => match.every(([key, value]) => isDeepStrictEqual(given?.[key], value)));
    };
  }
  const indexes = new Map(transportSocketMatches.map(({ name }, i) => [name, i]));
  const find = compileTree(transportSocketMatcher, (name) => indexes.get(name) ?? -1, endpointMetadata);
  return (host) => find(host) ?? -1;
}

function endpointMetadata({ filter, path = [] }: MatchInput): InputReader<Pick<Host, 'metadata'>> {
  return ({ metadata }) => text(metadataAt(metadata, filter || DEFAULT_FILTER, path));
}

/** Lists and structs are matched as JSON. */
function text(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
