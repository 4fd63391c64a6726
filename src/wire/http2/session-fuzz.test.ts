/**
 * Hostile bytes at sessions of both roles: nothing throws, nothing leaks, no stream's bytes reach another.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '#testing/fuzz-runs.ts';
import { frame, headersOf, RecordedSession, SessionPair, sessionOptions } from '#testing/recorded-session.ts';
import { CLIENT_PREFACE } from '#wire/http2/frame.ts';

const RUNS = fuzzRuns(400);
const preface = Buffer.concat([Buffer.from(CLIENT_PREFACE), frame(4, 0, 0)]);
const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 });

/** What holds for a session whatever it read. */
function assertSound(peer: RecordedSession): void {
  for (const [id, stream] of peer.session.streams) {
    assert.equal(stream.id, id);
    assert.equal(stream.closed, false);
    assert.ok(!(stream.remoteEnded && stream.localSent), 'what is complete is closed');
  }
  for (const { stream, failure } of peer.received.values())
    if (failure !== '') assert.equal(peer.session.streams.has(stream.id), false);
  const gone = peer.session.end();
  for (const stream of gone) assert.equal(stream.closed, true);
  assert.equal(peer.session.streams.size, 0);
  assert.equal(peer.session.pendingBytes, 0);
}

const headerBlock = fc.oneof(
  fc
    .constantFrom('828684410161', '82', '88', '8286844101610f0d0135', '828684410161000163017a', '3fe11f828684410161')
    .map((hex) => Buffer.from(hex, 'hex')),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);
const id = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(2 ** 31 - 1, 101));
const anyFrame = fc.oneof(
  fc.tuple(fc.constant(1), fc.integer({ min: 0, max: 255 }), id, headerBlock),
  fc.tuple(fc.constant(1), fc.constantFrom(4, 5), id, headerBlock),
  fc.tuple(fc.constant(9), fc.constantFrom(0, 4), id, headerBlock),
  fc.tuple(fc.constant(0), fc.constantFrom(0, 1, 8, 9), id, fc.uint8Array({ maxLength: 60 })),
  fc.tuple(fc.constantFrom(2, 3, 4, 5, 6, 7, 8, 77), fc.constantFrom(0, 1, 4), id, fc.uint8Array({ maxLength: 12 })),
  fc.tuple(
    fc.constant(8),
    fc.constant(0),
    id,
    fc.constantFrom('\0\0\0\x01', '\x7f\xff\xff\xff', '\0\0\0\0').map((text) => Buffer.from(text, 'latin1')),
  ),
  fc.tuple(
    fc.constant(4),
    fc.constant(0),
    fc.constant(0),
    fc
      .constantFrom('\0\x04\0\0\0\x05', '\0\x04\x7f\xff\xff\xff', '\0\x01\0\0\0\0')
      .map((text) => Buffer.from(text, 'latin1')),
  ),
);

for (const role of ['server', 'client'] as const) {
  test(`a ${role} stays sound whatever frames come, in whatever pieces, and answers what it can`, () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 30 }), cuts, (frames, sizes) => {
        const peer = new RecordedSession(sessionOptions(role));
        peer.onRequest = ({ stream, id: asked }) => {
          if (role === 'client') return;
          peer.session.sendResponse(stream, 200, headersOf([['x', String(asked)]]), asked % 4 === 1);
          peer.session.sendData(stream, Buffer.alloc(100, asked), asked % 3 === 0);
        };
        if (role === 'client')
          for (let i = 0; i < 4; i++) {
            const sent = peer.open();
            if (sent === undefined) continue;
            const head = { method: i === 3 ? 'HEAD' : 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '' };
            peer.session.sendRequest(sent.stream, head, headersOf([]), i % 2 === 0);
          }
        const bytes = frames.map(([type, flags, stream, payload]) => frame(type, flags, stream, payload));
        peer.read(Buffer.concat([role === 'server' ? preface : frame(4, 0, 0), ...bytes]), sizes);
        peer.output();
        assertSound(peer);
      }),
      { numRuns: RUNS },
    );
  });
}

test('bytes of a conversation that are flipped, cut, doubled or moved do no harm', () => {
  const pair = new SessionPair();
  const sent = pair.request('POST', '/', [['x', 'y']], false);
  pair.client.session.sendData(sent.stream, Buffer.alloc(300, 'd'), false);
  pair.client.session.sendTrailers(sent.stream, headersOf([['t', '1']]));
  pair.request('GET', '/2', [['x', 'y']]);
  const conversation = pair.client.output();
  const at = fc.integer({ min: 0, max: conversation.length - 1 });
  const change = fc.record({
    kind: fc.constantFrom('flip', 'cut', 'double', 'move'),
    at,
    to: at,
    bits: fc.integer({ min: 1, max: 255 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), cuts, (changes, sizes) => {
      let bytes = Buffer.from(conversation);
      for (const { kind, at: from, to, bits } of changes) {
        const [start, end] = [Math.min(from, to), Math.max(from, to)];
        if (end >= bytes.length) continue;
        const piece = bytes.subarray(start, end);
        if (kind === 'flip') bytes[start] ^= bits;
        else if (kind === 'cut') bytes = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
        else if (kind === 'double') bytes = Buffer.concat([bytes.subarray(0, end), piece, bytes.subarray(end)]);
        else bytes = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end), piece]);
      }
      const peer = new RecordedSession(sessionOptions('server'));
      peer.read(bytes, sizes);
      peer.output();
      assertSound(peer);
    }),
    { numRuns: RUNS },
  );
});

const script = fc.array(
  fc.record({
    body: fc.integer({ min: 0, max: 40_000 }),
    answer: fc.integer({ min: 0, max: 40_000 }),
    trailers: fc.boolean(),
    pause: fc.boolean(),
    reset: fc.constantFrom('no', 'no', 'no', 'client', 'server'),
  }),
  { minLength: 1, maxLength: 8 },
);

test('many streams at once each get their own bytes, all of them, however windows and pieces fall', () => {
  fc.assert(
    fc.property(script, cuts, fc.integer({ min: 1000, max: 70_000 }), (streams, sizes, initialStreamWindow) => {
      const options = { initialStreamWindow, initialConnectionWindow: 70_000, streamBufferLimit: 5000 };
      const pair = new SessionPair(options, options);
      pair.settle();
      pair.server.onRequest = ({ stream, id: asked }) => {
        const { answer, trailers, pause } = streams[(asked - 1) / 2];
        if (pause) pair.server.session.pause(stream, true);
        pair.server.session.sendResponse(stream, 200, headersOf([['x-id', String(asked)]]), false);
        pair.server.session.sendData(stream, Buffer.alloc(answer, asked), !trailers);
        if (trailers) pair.server.session.sendTrailers(stream, headersOf([['x-end', String(asked)]]));
      };
      const sent = streams.map(({ body, reset }, i) => {
        const one = pair.request('POST', `/${i}`, [], false);
        pair.client.session.sendData(one.stream, Buffer.alloc(body, one.id), true);
        if (reset === 'client') pair.client.session.reset(one.stream, 8);
        return one;
      });
      pair.settle(sizes);
      streams.forEach(({ pause, reset }, i) => {
        const got = pair.server.received.get(sent[i].id);
        if (got === undefined) return;
        if (reset === 'server') pair.server.session.reset(got.stream, 8);
        else if (pause) pair.server.session.pause(got.stream, false);
      });
      pair.settle(sizes);
      assert.equal(pair.server.error + pair.client.error, '');
      streams.forEach(({ body, answer, trailers, reset }, i) => {
        const { id: own, body: answered, ended, trailers: end } = sent[i];
        const got = pair.server.received.get(own);
        assert.ok(answered.equals(Buffer.alloc(answered.length, own)), 'no byte of another stream');
        assert.ok(got === undefined || got.body.equals(Buffer.alloc(got.body.length, own)));
        if (reset !== 'no') return;
        assert.equal(got?.body.length, body);
        assert.equal(answered.length, answer);
        assert.equal(ended, true);
        assert.deepEqual(end, trailers ? [['x-end', String(own)]] : undefined);
      });
      assert.equal(pair.client.session.streams.size, 0);
      assert.equal(pair.server.session.streams.size, 0);
      assertSound(pair.client);
      assertSound(pair.server);
    }),
    { numRuns: Math.min(RUNS / 4, 20_000) },
  );
});
