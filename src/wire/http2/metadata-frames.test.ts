import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '#testing/fuzz-runs.ts';
import { frame, headersOf, RecordedSession, SessionPair, sessionOptions } from '#testing/recorded-session.ts';
import { CLIENT_PREFACE } from '#wire/http2/frame.ts';
import { MetadataReader, metadataBlock } from '#wire/http2/metadata-frames.ts';

const METADATA = 0x4d;
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const fields = (pairs: Record<string, string>) => new Map(Object.entries(pairs));
const pair = (name: string, value: string) => Buffer.concat([latin1('\0'), text(name), text(value)]);
const text = (value: string) => latin1(String.fromCharCode(value.length) + value);

/** A server to which a client's `POST /` is under way on stream 1. */
function server(more: Parameters<typeof sessionOptions>[1] = {}): RecordedSession {
  const recorded = new RecordedSession(sessionOptions('server', more));
  const post = frame(1, 4, 1, Buffer.from('838684410161', 'hex'));
  recorded.read(Buffer.concat([latin1(CLIENT_PREFACE), frame(4, 0, 0), frame(4, 1, 0), post]));
  recorded.output();
  recorded.log.length = 0;
  return recorded;
}

test('metadata keeps its place among headers, data and trailers, both ways', () => {
  const peers = new SessionPair();
  const { stream, id } = peers.request('POST', '/', [], false);
  const { client, server: other } = peers;
  client.session.sendMetadata(stream, fields({ a: '1', '': 'of no name' }));
  client.session.sendData(stream, latin1('x'), false);
  client.session.sendMetadata(stream, fields({ b: '2' }));
  client.session.sendTrailers(stream, headersOf([['x-t', '1']]));
  client.session.sendMetadata(stream, fields({ late: 'too' }));
  peers.settle();
  const seen = other.events.filter((line) => line.startsWith(`${id} `));
  assert.deepEqual(seen, [
    '1 head POST http://a.test/',
    '1 metadata [["a","1"],["","of no name"]]',
    '1 metadata [["b","2"]]',
    '1 trailers',
  ]);
  const answered = other.received.get(id)?.stream;
  assert.ok(answered !== undefined);
  other.session.sendMetadata(answered, fields({ before: 'head' }));
  other.session.sendResponse(answered, 200, headersOf([]), true);
  peers.settle();
  assert.deepEqual(client.events.slice(-3), ['1 metadata [["before","head"]]', '1 head 200 end', '1 closed']);
});

test('a set in several frames is told once it is whole; of a name the first value counts', () => {
  const peer = server();
  const block = Buffer.concat([pair('abc', '123'), pair('abc', '4')]);
  peer.read(frame(METADATA, 0, 1, block.subarray(0, 4)));
  peer.read(frame(0, 0, 1, 'between'));
  assert.deepEqual(peer.events, []);
  peer.read(frame(METADATA, 4, 1, block.subarray(4)));
  assert.deepEqual(peer.events, ['1 metadata [["abc","123"]]']);
});

test('what is larger than a frame goes out in several', () => {
  const peers = new SessionPair({}, { maxMetadataBytes: 50_000 });
  const { stream } = peers.request('POST', '/', [], false);
  const value = '\xff'.repeat(40_000);
  peers.client.session.sendMetadata(stream, fields({ large: value }));
  peers.settle();
  assert.equal(peers.server.events.at(-1), `1 metadata [["large","${value}"]]`);
});

test('all sets of a stream together are limited', () => {
  const block = pair('a', 'x'.repeat(46));
  const peer = server();
  peer.read(frame(METADATA, 4, 1, block));
  peer.read(frame(METADATA, 4, 1, block));
  assert.equal(peer.error, '');
  peer.read(frame(METADATA, 0, 1, pair('a', '')));
  assert.equal(peer.error, 'METADATA is too large, or cannot be decompressed');
});

test('a block that cannot be read ends the connection; each has a table of its own', () => {
  for (const bad of ['ffffff', 'be', '00']) {
    const peer = server();
    peer.read(frame(METADATA, 4, 1, latin1('\x40\x01k\x01v')));
    assert.deepEqual(peer.events, ['1 metadata [["k","v"]]']);
    peer.read(frame(METADATA, 4, 1, Buffer.from(bad, 'hex')));
    assert.equal(peer.error, 'METADATA is too large, or cannot be decompressed');
  }
});

test('where it is not allowed, of a stream that is not there, padded, or behind the end it is passed over', () => {
  const good = pair('a', '1');
  const off = server({ maxMetadataBytes: -1 });
  off.read(frame(METADATA, 4, 1, Buffer.from('ffffff', 'hex')));
  const stream = off.received.get(1)?.stream;
  assert.ok(stream !== undefined);
  off.output();
  off.session.sendMetadata(stream, fields({ a: '1' }));
  assert.deepEqual([off.events, off.output().length], [[], 0]);
  const peer = server();
  peer.read(Buffer.concat([frame(METADATA, 4, 0, good), frame(METADATA, 4, 9, good), frame(METADATA, 12, 1, good)]));
  peer.read(Buffer.concat([frame(0, 1, 1, 'x'), frame(METADATA, 4, 1, good)]));
  assert.deepEqual([peer.events, peer.error], [['1 data end'], '']);
});

test('what is written is read back, whatever it is', () => {
  const latin = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          latin,
          fc.oneof(
            latin,
            latin.map((part) => part.repeat(90)),
          ),
        ),
        { minLength: 1 },
      ),
      (all) => {
        const given = new Map(all);
        const block = metadataBlock(given);
        const reader = new MetadataReader(block.length);
        assert.ok(reader.add(block, 0, block.length));
        assert.deepEqual(reader.take(), given);
      },
    ),
    { numRuns: fuzzRuns(200) },
  );
});
