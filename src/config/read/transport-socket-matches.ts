/**
 * Transports for those hosts whose metadata match, the first that does.
 * Follows envoy.config.cluster.v3.Cluster.TransportSocketMatch.
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ReadContext } from '#config/read/context.ts';
import { unknownExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { readUpstreamTransport } from '#config/read/tls-contexts.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';

const check = honours('envoy.config.cluster.v3.Cluster.TransportSocketMatch', ['name', 'match', 'transport_socket']);

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
