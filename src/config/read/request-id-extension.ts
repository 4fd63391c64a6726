/**
 * How requests get their ids. Follows
 * envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension and envoy.extensions.request_id.uuid.v3.
 */
import type { Place } from '#api/place.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { honours } from '#config/read/support.ts';
import type { RequestIDExtension } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { UuidRequestIdConfig } from '#envoy/extensions/request_id/uuid/v3/uuid_pb.js';

const UUID = 'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig';
const checkRequestId = honours('envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension', [
  'typed_config',
]);
const checkUuid = honours(UUID, ['pack_trace_reason'], {
  withoutEffect: { use_request_id_for_trace_sampling: 'nothing is traced yet' },
});

/** UUIDs, with the tracing decision in them, are the default. */
export function readRequestIdExtension(
  message: RequestIDExtension | undefined,
  at: Place,
  context: ReadContext,
): NonNullable<HttpConnectionManager['requestIdExtension']> {
  const uuid = message === undefined ? undefined : readUuid(message, at, context);
  return {
    packTraceReason: uuid?.packTraceReason ?? true,
    useRequestIdForTraceSampling: uuid?.useRequestIdForTraceSampling ?? true,
  };
}

function readUuid(extension: RequestIDExtension, at: Place, context: ReadContext): UuidRequestIdConfig {
  checkRequestId(extension, at);
  const place = at.field('typed_config');
  const { typeName, message } = extensionMessage(extension.typedConfig, 'request_id_extension', place, context);
  if (typeName !== UUID) throw unsupportedExtension('request_id_extension', typeName, 'request_id', place);
  checkUuid(message, place);
  return message as UuidRequestIdConfig;
}
