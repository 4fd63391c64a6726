/**
 * Transports for those hosts whose metadata match, the first that does, or those that a generic matcher names.
 * Follows envoy.config.cluster.v3.Cluster.TransportSocketMatch and transport_socket_matcher.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { MatcherTree } from '#config/model/matcher-tree.ts';
import type { ReadContext } from '#config/read/context.ts';
import { unknownExtension } from '#config/read/extensions.ts';
import { TRANSPORT_INPUTS } from '#config/read/matcher-input.ts';
import { type ActionMessage, readMatcherTree } from '#config/read/matcher-tree.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { readUpstreamTransport } from '#config/read/tls-contexts.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { TransportSocketNameAction } from '#envoy/extensions/matching/common_inputs/transport_socket/v3/transport_socket_inputs_pb.js';

const check = honours('envoy.config.cluster.v3.Cluster.TransportSocketMatch', ['name', 'match', 'transport_socket']);

const ACTION = 'envoy.extensions.matching.common_inputs.transport_socket.v3.TransportSocketNameAction';
const checkAction = honours(ACTION, ['name']);

/** @param at of the list. */
export function readTransportSocketMatches(
  { transportSocketMatches }: Cluster,
  at: Place,
  context: ReadContext,
): ClusterConfig['transportSocketMatches'] {
  return readAll(transportSocketMatches, at, (message, place) => {
    check(message, place);
    if (message.transportSocket === undefined) throw unknownExtension('', '', place.field('transport_socket'));
    return {
      name: message.name,
      match: message.match ?? {},
      transport: readUpstreamTransport(message.transportSocket, place.field('transport_socket'), context),
    };
  });
}

/** @returns undefined where each `match` speaks for itself. A name that none has means the cluster's own transport, as in Envoy. */
export function readTransportSocketMatcher(
  { transportSocketMatcher: matcher, transportSocketMatches: named }: Cluster,
  at: Place,
): MatcherTree<string> | undefined {
  if (matcher === undefined) return undefined;
  const twice = named.find(({ name }, i) => named.findIndex((other) => other.name === name) < i);
  if (twice !== undefined)
    throw at.problem(`Duplicate transport socket name '${twice.name}' found in transport_socket_matches`);
  return readMatcherTree(matcher, at, TRANSPORT_INPUTS, readName);
}

function readName({ name, typedConfig }: ActionMessage, at: Place): string {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== ACTION) throw unknownExtension(name, type.typeName, place);
  checkAction(message, place);
  return (message as TransportSocketNameAction).name;
}
