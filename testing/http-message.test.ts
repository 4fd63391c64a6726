import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerOf, readMessage } from '#testing/http-message.ts';

const response = (text: string, ended = false, method = 'GET') =>
  readMessage(Buffer.from(text), { kind: 'response', method, ended });

test('a message is there once its last byte is, by length, by chunks, or by the end of the stream', () => {
  const whole = {
    length: 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello',
    chunked: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nx-end: 1\r\n\r\n',
  };
  for (const [framing, text] of Object.entries(whole)) {
    assert.equal(response(text.slice(0, -1)), undefined);
    const message = response(`${text}next`);
    assert.deepEqual([message?.framing, message?.body, message?.size], [framing, 'hello', text.length]);
  }
  assert.deepEqual(response(whole.chunked)?.trailers, [['x-end', '1']]);
  assert.equal(response('HTTP/1.1 200 OK\r\n\r\nhel'), undefined);
  assert.equal(response('HTTP/1.1 200 OK\r\n\r\nhel', true)?.body, 'hel');
});

test('a response to HEAD, a 204 and a 100 have no body whatever their headers say', () => {
  const text = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n';
  assert.equal(response(text, false, 'HEAD')?.framing, 'none');
  assert.equal(response(text.replace('200 OK', '204 No Content'))?.framing, 'none');
  assert.equal(response('HTTP/1.1 100 Continue\r\n\r\n')?.size, 25);
});

test('headers keep their case, order and repetitions', () => {
  const message = response('HTTP/1.1 200 OK\r\nB: 1\r\na:2 \r\nb: 3\r\ncontent-length: 0\r\n\r\n');
  assert.deepEqual(message?.headers.slice(0, 3), [
    ['B', '1'],
    ['a', '2'],
    ['b', '3'],
  ]);
  assert.equal(message && headerOf(message, 'b'), '1, 3');
});
