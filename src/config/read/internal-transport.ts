/**
 * The transport socket to internal listeners, which takes metadata along.
 * Follows envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport.
 */
import type { Place } from '#api/place.ts';
import type { UpstreamTransport } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { TransportSocket } from '#envoy/config/core/v3/base_pb.js';
import type { InternalUpstreamTransport } from '#envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.js';

const TYPE = 'envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport';
const check = honours(TYPE, ['passthrough_metadata', 'transport_socket']);
const checkSource = honours(`${TYPE}.MetadataValueSource`, ['kind', 'name']);
const checkKind = honours('envoy.type.metadata.v3.MetadataKind', ['cluster', 'host'], {
  refused: {
    request: 'Envoy takes those of hosts and clusters alone',
    route: 'Envoy takes those of hosts and clusters alone',
  },
});

/** @returns what it takes along, and what it goes around; undefined for any other transport socket. */
export function internalTransport(
  { name, configType }: TransportSocket,
  at: Place,
  context: ReadContext,
): { passthrough: NonNullable<UpstreamTransport['passthrough']>; transportSocket: TransportSocket } | undefined {
  const place = at.field('typed_config');
  const { typeName, message } = extensionMessage(configType.value, name, place, context);
  if (typeName !== TYPE) return undefined;
  check(message, place);
  const { passthroughMetadata, transportSocket } = message as InternalUpstreamTransport;
  if (transportSocket === undefined) throw place.field('transport_socket').missing();
  const passthrough = readAll(passthroughMetadata, place.field('passthrough_metadata'), (source, inside) => {
    checkSource(source, inside);
    if (source.kind !== undefined) checkKind(source.kind, inside.field('kind'));
    return { of: source.kind?.kind.case === 'cluster' ? ('cluster' as const) : ('host' as const), name: source.name };
  });
  return { passthrough, transportSocket };
}
