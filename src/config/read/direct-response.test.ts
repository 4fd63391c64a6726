import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDirectResponse } from '#config/read/direct-response.ts';
import { readMessage } from '#testing/read-message.ts';

function read(tree: unknown, limit = 10) {
  return readMessage(
    'envoy.config.route.v3.DirectResponseAction',
    tree,
    (message, at, context) => readDirectResponse(message, at, { ...context, maxDirectResponseBodySizeBytes: limit }),
    { files: () => Buffer.from('from a file') },
  );
}

test('a body stands in the configuration or in a file', () => {
  const { value } = read({ status: 418, body: { inline_string: 'tea' } });
  assert.deepEqual(value, { kind: 'direct_response', status: 418, body: Buffer.from('tea') });
  assert.deepEqual(read({ status: 200, body: { filename: '/x' } }, 11).value?.body, Buffer.from('from a file'));
});

test('a body above the limit of the route table is refused, in the words of Envoy', () => {
  assert.deepEqual(read({ status: 200, body: { inline_string: 'x'.repeat(11) } }).errors, [
    'body: response body size is 11 bytes; maximum is 10',
  ]);
  assert.deepEqual(read({ status: 200, body: { filename: '/x' } }).errors, [
    'body: file /x size is 11 bytes; maximum is 10',
  ]);
});

test('a format may stand in place of a body', () => {
  const { value } = read({ status: 200, body_format: { json_format: { at: '%REQ(:PATH)%' } } });
  assert.deepEqual(value?.bodyFormat?.body, { kind: 'json', json: { at: '%REQ(:PATH)%' } });
  assert.equal(value?.body, undefined);
});
