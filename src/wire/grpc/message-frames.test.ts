import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frameHead, MessageCounter } from '#wire/grpc/message-frames.ts';

test('messages are counted wherever the pieces of a body end', () => {
  const property = fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.array(fc.nat(50)), (messages, cuts) => {
    const body = Buffer.concat(messages.flatMap((message) => [frameHead(0, message.length), message]));
    const counter = new MessageCounter();
    let at = 0;
    let added = 0;
    for (const cut of cuts) {
      added += counter.add(body.subarray(at, at + cut));
      at = Math.min(at + cut, body.length);
    }
    added += counter.add(body.subarray(at));
    assert.equal(counter.count, messages.length);
    assert.equal(added, messages.length);
  });
  fc.assert(property);
});

test('a length is read as four bytes without a sign', () => {
  const counter = new MessageCounter();
  counter.add(frameHead(1, 0xfffffff0));
  counter.add(Buffer.alloc(1 << 20));
  assert.equal(counter.count, 1);
});
