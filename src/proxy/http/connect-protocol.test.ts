import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  callOfGet,
  connectError,
  endOfStream,
  errorOfGrpc,
  httpStatusOfConnect,
} from '#proxy/http/connect-protocol.ts';
import { Headers } from '#wire/headers.ts';

function fields(all: Record<string, string>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(all)) headers.add(name, value);
  return headers;
}

test("a status of gRPC is a code of Connect's, with the message as it came", () => {
  assert.equal(errorOfGrpc(fields({ 'grpc-status': '0' })), undefined);
  const error = errorOfGrpc(fields({ 'grpc-status': '5', 'grpc-message': 'not%20there' }));
  assert.deepEqual(error, { code: 'not_found', message: 'not%20there' });
  assert.equal(httpStatusOfConnect('not_found'), 404);
  assert.deepEqual(JSON.parse(connectError({ code: 'x', message: 'y' }).toString()), { code: 'x', message: 'y' });
  assert.equal(errorOfGrpc(fields({ 'grpc-status': '99' }))?.code, 'code_99');
});

test('a stream ends in a frame of its error and metadata', () => {
  const frame = endOfStream(fields({ 'grpc-status': '13', 'grpc-message': 'm', 'x-a': '1' }));
  assert.equal(frame[0], 2);
  assert.equal(frame.readUInt32BE(1), frame.length - 5);
  assert.deepEqual(JSON.parse(frame.subarray(5).toString()), {
    metadata: { 'x-a': ['1'] },
    error: { code: 'internal', message: 'm' },
  });
  assert.equal(
    endOfStream(fields({ 'grpc-status': '0' }))
      .subarray(5)
      .toString(),
    '{}',
  );
});

test('a call in a URL says its codec and message', () => {
  const query = 'connect=v1&encoding=proto&base64=1&message=aGk';
  assert.deepEqual(callOfGet(`/a.B/C?${query}`), {
    path: '/a.B/C',
    encoding: 'proto',
    compression: 'identity',
    message: Buffer.from('hi'),
  });
  for (const path of ['/a.B/C', '/a.B/C?encoding=proto', '/a.B/C?connect=v2&encoding=proto', '/a.B/C?connect=v1'])
    assert.equal(callOfGet(path), undefined, path);
});
