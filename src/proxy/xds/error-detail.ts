/**
 * What a management server is told of an update that was refused. Follows DiscoveryRequest.error_detail.
 */
import { create } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';

/** As Envoy cuts it: an update may have thousands of mistakes. */
const LONGEST = 4096;
const INTERNAL = 13;

export function errorDetail(message: string) {
  const cut = message.length > LONGEST ? `${message.slice(0, LONGEST)}...(truncated)` : message;
  return create(messageType('google.rpc.Status'), { code: INTERNAL, message: cut });
}
