/**
 * Metadata by filter name, plain JSON as it is. Follows envoy.config.core.v3.Metadata.
 */
import type { Place } from '#api/place.ts';
import type { Metadata } from '#config/model/route.ts';
import { honours } from '#config/read/support.ts';
import type { Metadata as MetadataMessage } from '#envoy/config/core/v3/base_pb.js';

const check = honours('envoy.config.core.v3.Metadata', ['filter_metadata'], {
  withoutEffect: { typed_filter_metadata: 'no filter here reads it' },
});
/** What Envoy sends to a host in a PROXY header. */
const HOST_TLVS = 'envoy.transport_sockets.proxy_protocol';

export function readMetadata(message: MetadataMessage | undefined, at: Place): Metadata {
  if (message === undefined) return {};
  check(message, at);
  if (HOST_TLVS in message.typedFilterMetadata)
    throw at.field('typed_filter_metadata').key(HOST_TLVS).unsupported('TLVs are those that the transport socket adds');
  return message.filterMetadata as Metadata;
}
