/**
 * Metadata by filter name, plain JSON as it is. Follows envoy.config.core.v3.Metadata.
 */
import type { Place } from '#api/place.ts';
import type { Metadata } from '#config/model/route.ts';
import { honours } from '#config/read/support.ts';
import type { Metadata as MetadataMessage } from '#envoy/config/core/v3/base_pb.js';

const check = honours('envoy.config.core.v3.Metadata', ['filter_metadata'], {
  refused: { typed_filter_metadata: 'no filter here reads it' },
});

export function readMetadata(message: MetadataMessage | undefined, at: Place): Metadata {
  if (message === undefined) return {};
  check(message, at);
  return message.filterMetadata as Metadata;
}
