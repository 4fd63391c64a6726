import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAccessLogOptions } from '#config/read/access-log-options.ts';
import { readMessage } from '#testing/read-message.ts';

const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const read = (tree: unknown) => readMessage(HCM, tree, readAccessLogOptions);

test('the log is written at the end of a request alone, unless something else is asked for', () => {
  const never = { flushInterval: 0, flushOnNewRequest: false, flushLogOnTunnelSuccessfullyEstablished: false };
  assert.deepEqual(read({}).value, never);
});

test('the older fields say the same as the newer', () => {
  const both = { flushInterval: 1500, flushOnNewRequest: true, flushLogOnTunnelSuccessfullyEstablished: false };
  const options = { access_log_flush_interval: '1.5s', flush_access_log_on_new_request: true };
  assert.deepEqual(read(options).value, both);
  assert.deepEqual(read({ access_log_options: options }).value, both);
});

test('the older and the newer together are refused, in the words of Envoy', () => {
  assert.deepEqual(read({ access_log_options: {}, flush_access_log_on_new_request: true }).errors, [
    'flush_access_log_on_new_request: Only one of flush_access_log_on_new_request or access_log_options can be specified.',
  ]);
  assert.deepEqual(read({ access_log_options: {}, access_log_flush_interval: '1s' }).errors, [
    'access_log_flush_interval: Only one of access_log_flush_interval or access_log_options can be specified.',
  ]);
});
