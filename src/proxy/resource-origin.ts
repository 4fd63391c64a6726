/**
 * Where something that the server runs came from: the bootstrap, or discovery, whose messages are kept packed for the admin API.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { contentOf } from '#api/any.ts';
import type { ConfigResource } from '#proxy/admin/context.ts';
import type { GivenResource } from '#proxy/xds/subscription.ts';

/** Of what discovery brought. */
export interface Given {
  versionInfo: string;
  /** Milliseconds since the epoch. */
  lastUpdated: number;
  typeUrl: string;
  bytes: Uint8Array;
}

/** The bytes of a wire message are part of the whole response's: their own are kept. */
export function givenNow({ any, version }: GivenResource): Given {
  return { versionInfo: version, lastUpdated: Date.now(), typeUrl: any.typeUrl, bytes: Buffer.from(any.value) };
}

/** Whether a resource says what is known already. */
export function sameAs(given: Given | undefined, { any }: GivenResource): boolean {
  return given !== undefined && Buffer.compare(given.bytes, any.value) === 0;
}

/** As the admin API shows it. */
export function configResource(name: string, given: Given, state: ConfigResource['state']): ConfigResource {
  const { versionInfo, lastUpdated, typeUrl, bytes } = given;
  const message = contentOf({ typeUrl, value: bytes } as Any)?.message;
  return { name, ...(message === undefined ? {} : { message }), lastUpdated, state, versionInfo };
}
