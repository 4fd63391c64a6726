import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRequestIdExtension } from '#config/read/request-id-extension.ts';
import { typed } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const TYPE = 'envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension';
const read = (tree: unknown) => readMessage(TYPE, tree, readRequestIdExtension);

test('an id says whether its request is traced, unless told otherwise', () => {
  const uuid = (fields: object) => typed('extensions.request_id.uuid.v3.UuidRequestIdConfig', { ...fields });
  assert.equal(read({ typed_config: uuid({}) }).value?.packTraceReason, true);
  assert.equal(read({ typed_config: uuid({ pack_trace_reason: false }) }).value?.packTraceReason, false);
});

test('other kinds of ids are refused', () => {
  const [error] = read({ typed_config: typed('extensions.filters.http.router.v3.Router') }).errors;
  assert.match(error, /^typed_config: request id 'request_id_extension' \(.*Router\) is not supported by Fairlead yet/);
});
