import assert from 'node:assert/strict';
import test from 'node:test';
import { frame, headersOf, RecordedSession, SessionPair, sessionOptions } from '#testing/recorded-session.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import { CLIENT_PREFACE, MAX_STREAM_ID } from '#wire/http2/frame.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const DATA = 0;
const HEADERS = 1;
const PRIORITY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PUSH_PROMISE = 5;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
/** GET http://a/ in literals without a table. */
const GET = Buffer.from('828684410161', 'hex');
const END = 1;
const END_HEADERS = 4;

/** A server that has seen the preface and SETTINGS, and what it answered is forgotten. */
function server(more: Parameters<typeof sessionOptions>[1] = {}): RecordedSession {
  const recorded = new RecordedSession(sessionOptions('server', more));
  recorded.read(Buffer.concat([latin1(CLIENT_PREFACE), frame(SETTINGS, 0, 0), frame(SETTINGS, 1, 0)]));
  recorded.output();
  recorded.log.length = 0;
  return recorded;
}

test('a request, its body and trailers arrive, and so does the response', () => {
  const pair = new SessionPair();
  const sent = pair.request(
    'POST',
    '/x',
    [
      ['x-a', '1'],
      ['content-length', '5'],
    ],
    false,
  );
  pair.client.session.sendData(sent.stream, latin1('hello'), false);
  pair.client.session.sendTrailers(sent.stream, headersOf([['x-end', 'yes']]));
  pair.settle();
  const got = pair.server.received.get(1);
  assert.ok(got);
  assert.equal(got.head, 'POST http://a.test/x');
  assert.deepEqual(got.fields, [
    ['x-a', '1'],
    ['content-length', '5'],
  ]);
  assert.equal(got.body.latin1Slice(), 'hello');
  assert.deepEqual(got.trailers, [['x-end', 'yes']]);
  pair.server.session.sendInterim(got.stream, 103, headersOf([['link', 'x']]));
  pair.server.session.sendResponse(
    got.stream,
    418,
    headersOf([
      ['connection', 'close'],
      ['x-b', '2'],
    ]),
    false,
  );
  pair.server.session.sendData(got.stream, latin1('teapot'), true);
  pair.settle();
  assert.deepEqual(pair.client.events, [
    'settings',
    '1 interim 103 [["link","x"]]',
    '1 head 418',
    '1 data end',
    '1 closed',
  ]);
  assert.deepEqual(sent.fields, [['x-b', '2']]);
  assert.equal(sent.body.latin1Slice(), 'teapot');
  assert.equal(pair.server.events.at(-1), '1 closed');
  assert.equal(pair.server.session.streams.size, 0);
});

test('a body waits for the windows of stream and connection, and its sender is told', () => {
  const pair = new SessionPair({ streamBufferLimit: 10_000 });
  pair.settle();
  const body = Buffer.alloc(200_000, 'abcdefg');
  const sent = pair.request('POST', '/', [], false);
  pair.settle();
  const got = pair.server.received.get(1);
  assert.ok(got);
  pair.server.session.pause(got.stream, true);
  pair.client.session.sendData(sent.stream, body, true);
  assert.equal(sent.blocked, true);
  pair.settle();
  assert.equal(got.body.length, 65_535);
  assert.equal(pair.client.session.pendingBytes, 200_000 - 65_535);
  pair.server.session.pause(got.stream, false);
  pair.settle();
  assert.ok(got.body.equals(body));
  assert.equal(sent.blocked, false);
  assert.equal(got.ended, true);
});

test('a paused stream does not hold back another, as long as the connection has room', () => {
  const pair = new SessionPair({}, { initialConnectionWindow: 200_000 });
  pair.settle();
  const first = pair.request('POST', '/1', [], false);
  const second = pair.request('POST', '/2', [], false);
  pair.settle();
  const [one, two] = [pair.server.received.get(1), pair.server.received.get(3)];
  assert.ok(one && two);
  pair.server.session.pause(one.stream, true);
  pair.client.session.sendData(first.stream, Buffer.alloc(150_000, '1'), true);
  pair.client.session.sendData(second.stream, Buffer.alloc(150_000, '2'), true);
  pair.settle();
  assert.equal(one.body.length, 65_535);
  assert.equal(two.body.length, 150_000);
  assert.equal(two.body.indexOf('1'), -1);
  pair.client.session.reset(first.stream, ErrorCode.Cancel);
  pair.settle();
  assert.equal(one.failure, 'reset Cancel');
  // What the broken stream held of the connection's window came back.
  const third = pair.request('POST', '/3', [], false);
  pair.client.session.sendData(third.stream, Buffer.alloc(190_000, '3'), true);
  pair.settle();
  assert.equal(pair.server.received.get(5)?.body.length, 190_000);
});

test('streams that wait for the connection take turns', () => {
  const pair = new SessionPair({}, { initialStreamWindow: 1_000_000 });
  pair.settle();
  const streams = [pair.request('POST', '/1', [], false), pair.request('POST', '/2', [], false)];
  for (const { stream } of streams) pair.client.session.sendData(stream, Buffer.alloc(100_000), true);
  pair.server.read(pair.client.output());
  // The first took the window; what comes back is shared.
  const before = pair.server.received.get(3)?.body.length;
  assert.equal(before, 0);
  pair.client.read(pair.server.output());
  pair.server.read(pair.client.output());
  const [one, two] = [1, 3].map((id) => pair.server.received.get(id)?.body.length ?? 0);
  assert.ok(one < 100_000 && two > 16_000, `${one} and ${two}`);
  pair.settle();
  assert.equal(pair.server.received.get(3)?.body.length, 100_000);
});

test('a header block larger than a frame goes in several, and is one again', () => {
  const pair = new SessionPair();
  const value = Array.from({ length: 40_000 }, (_, i) => String.fromCharCode(33 + ((i * 7) % 90))).join('');
  pair.request('GET', '/', [['x-large', value]]);
  pair.settle([100, 1, 20_000]);
  assert.deepEqual(pair.server.received.get(1)?.fields, [['x-large', value]]);
});

test('extended CONNECT needs to be allowed', () => {
  const pair = new SessionPair();
  pair.settle();
  assert.equal(pair.client.session.peer.enableConnectProtocol, true);
  const sent = pair.client.open();
  assert.ok(sent);
  const head = { method: 'CONNECT', scheme: 'http', authority: 'a', path: '/chat', protocol: 'websocket' };
  pair.client.session.sendRequest(sent.stream, head, headersOf([]), false);
  pair.settle();
  assert.equal(pair.server.received.get(1)?.head, 'CONNECT http://a/chat websocket');
  const strict = new SessionPair({}, { allowConnect: false });
  strict.settle();
  const refused = strict.client.open();
  assert.ok(refused);
  strict.client.session.sendRequest(refused.stream, head, headersOf([]), false);
  strict.settle();
  assert.equal(refused.failure, 'reset ProtocolError');
});

test('GOAWAY gives back streams that were not processed, and none are opened after it', () => {
  const pair = new SessionPair();
  pair.settle();
  const first = pair.request('GET', '/1');
  pair.settle();
  const late = pair.request('GET', '/2');
  pair.server.session.goaway(ErrorCode.NoError, MAX_STREAM_ID);
  pair.client.read(pair.server.output());
  assert.equal(pair.client.session.room, 0);
  assert.equal(late.failure, '');
  pair.server.session.goaway(ErrorCode.NoError);
  pair.settle();
  assert.equal(late.failure, 'reset RefusedStream');
  assert.equal(pair.server.received.has(3), false);
  const got = pair.server.received.get(1);
  assert.ok(got);
  pair.server.session.sendResponse(got.stream, 200, headersOf([]), true);
  pair.settle();
  assert.equal(first.head, '200');
});

test('a client opens no more streams than it may, and one that is too many is refused', () => {
  const pair = new SessionPair({}, { maxConcurrentStreams: 2 });
  const early = [pair.request(), pair.request(), pair.request()];
  pair.settle();
  assert.deepEqual(
    early.map(({ failure }) => failure),
    ['', '', 'reset RefusedStream'],
  );
  assert.equal(pair.client.open(), undefined);
});

test('a response that comes before the request is whole ends it once it is sent', () => {
  const pair = new SessionPair();
  pair.settle();
  const sent = pair.request('POST', '/', [], false);
  pair.settle();
  const got = pair.server.received.get(1);
  assert.ok(got);
  const { session } = pair.server;
  session.sendResponse(got.stream, 413, headersOf([]), false);
  session.sendData(got.stream, Buffer.alloc(100_000), true);
  session.resetAfterSent(got.stream, ErrorCode.NoError);
  pair.settle();
  assert.equal(sent.body.length, 100_000);
  assert.equal(sent.ended, true);
  assert.equal(sent.failure, 'reset NoError');
  // What is still on its way for it is no error.
  pair.client.session.sendData(sent.stream, Buffer.alloc(10), true);
  assert.equal(pair.server.error, '');
});

test('a reset counts for a stream that is there, or was reset from here while the same bytes are read', () => {
  const recorded = server({ streamErrorOnInvalidMessage: true });
  const reset = frame(RST_STREAM, 0, 1, Buffer.from([0, 0, 0, ErrorCode.Cancel]));
  const head = frame(HEADERS, END | END_HEADERS, 1, GET);
  recorded.read(Buffer.concat([head, reset, reset]));
  assert.equal(recorded.session.resetsReceived, 1);
  const withoutPath = frame(HEADERS, END | END_HEADERS, 3, Buffer.from('8286410161', 'hex'));
  const bad = frame(RST_STREAM, 0, 3, Buffer.from([0, 0, 0, ErrorCode.Cancel]));
  recorded.read(Buffer.concat([withoutPath, bad]));
  assert.equal(recorded.session.resetsSent, 1);
  recorded.read(bad);
  assert.equal(recorded.session.resetsReceived, 2);
});

test('cookies that came in crumbs are one', () => {
  const pair = new SessionPair();
  pair.request('GET', '/', [
    ['cookie', 'a=1'],
    ['x', 'y'],
    ['cookie', 'b=2'],
  ]);
  pair.settle();
  assert.deepEqual(pair.server.received.get(1)?.fields, [
    ['cookie', 'a=1; b=2'],
    ['x', 'y'],
  ]);
});

const messages: [claim: string, fields: [string, string][], text: RegExp][] = [
  ['a name in upper case', [['X-Upper', '1']], /characters/],
  ['a name with a space', [['x y', '1']], /characters/],
  ['a value with a line feed', [['x', 'a\nb']], /characters/],
  ['an unknown pseudo header', [[':nothing', '1']], /pseudo/],
  ['a second path', [[':path', '/2']], /pseudo/],
  ['a status in a request', [[':status', '200']], /pseudo/],
  [
    'a pseudo header behind a field',
    [
      ['x', '1'],
      [':path', '/'],
    ],
    /pseudo/,
  ],
  ['te other than trailers', [['te', 'gzip']], /HTTP\/1/],
  ['a length that is no number', [['content-length', '-1']], /content-length/],
  [
    'two lengths',
    [
      ['content-length', '0'],
      ['content-length', '1'],
    ],
    /content-length/,
  ],
  ['a length where no body comes', [['content-length', '1']], /content-length/],
];
for (const [claim, fields, text] of messages) {
  test(`a message with ${claim} costs its stream, or its connection where that is asked for`, () => {
    for (const streamErrorOnInvalidMessage of [true, false]) {
      const pair = new SessionPair({}, { streamErrorOnInvalidMessage });
      pair.settle();
      const sent = pair.request('GET', '/', fields);
      const other = pair.request('GET', '/other');
      pair.settle();
      if (streamErrorOnInvalidMessage) {
        assert.match(pair.server.received.get(1)?.failure ?? '', text);
        assert.equal(sent.failure, 'reset ProtocolError');
        assert.equal(pair.server.received.get(other.id)?.head, 'GET http://a.test/other');
      } else {
        assert.match(pair.server.error, text);
        assert.ok(pair.client.events.includes('goaway 1 ProtocolError'));
      }
    }
  });
}

test('a field of HTTP/1 connections is refused, also in trailers, where no pseudo header may be either', () => {
  const peer = server();
  // connection: x, literal.
  peer.read(frame(HEADERS, END | END_HEADERS, 1, Buffer.concat([GET, latin1('\x00\x0aconnection\x01x')])));
  assert.match(peer.received.get(1)?.failure ?? '', /HTTP\/1/);
  peer.read(frame(HEADERS, END_HEADERS, 3, GET));
  peer.read(frame(HEADERS, END | END_HEADERS, 3, Buffer.from('82', 'hex')));
  assert.match(peer.received.get(3)?.failure ?? '', /pseudo/);
  peer.read(frame(HEADERS, END_HEADERS, 5, GET));
  peer.read(frame(HEADERS, END_HEADERS, 5, latin1('\x00\x01x\x01y')));
  assert.match(peer.received.get(5)?.failure ?? '', /trailers do not end/);
});

test('a body that is longer or shorter than its length says is refused', () => {
  for (const [sent, end] of [
    ['123456', false],
    ['1234', true],
  ] as const) {
    const pair = new SessionPair();
    pair.settle();
    const { stream } = pair.request('POST', '/', [['content-length', '5']], false);
    pair.client.session.sendData(stream, latin1(sent), end);
    pair.settle();
    assert.match(pair.server.received.get(1)?.failure ?? '', /content-length/);
  }
});

test('the answer to HEAD may tell a length without a body', () => {
  const pair = new SessionPair();
  const sent = pair.request('HEAD');
  pair.settle();
  const got = pair.server.received.get(1);
  assert.ok(got);
  pair.server.session.sendResponse(got.stream, 200, headersOf([['content-length', '7']]), true);
  pair.settle();
  assert.equal(sent.head, '200');
  assert.equal(sent.failure, '');
});

test('too many or too long headers cost their stream, and the table stays right', () => {
  const pair = new SessionPair(
    {},
    { maxHeadersCount: 3, maxHeaderListBytes: 1000, streamErrorOnInvalidMessage: false },
  );
  pair.settle();
  const many = pair.request(
    'GET',
    '/',
    ['a', 'b', 'c', 'd'].map((name) => [name, name]),
  );
  const long = pair.request('GET', '/', [['long', 'x'.repeat(900)]]);
  pair.request('GET', '/', [
    ['d', 'd'],
    ['a', 'a'],
  ]);
  pair.settle();
  assert.equal(many.failure, 'reset InternalError');
  assert.equal(long.failure, 'reset InternalError');
  assert.deepEqual(pair.server.received.get(5)?.fields, [
    ['d', 'd'],
    ['a', 'a'],
  ]);
});

const wrongs: [claim: string, frames: Buffer[], kind: RegExp][] = [
  ['DATA on stream 0', [frame(DATA, 0, 0, 'x')], /identifier/],
  ['DATA on an idle stream', [frame(DATA, 0, 1, 'x')], /never opened/],
  ['HEADERS on an even stream', [frame(HEADERS, END | END_HEADERS, 2, GET)], /identifier/],
  ['a stream below the last one', [frame(HEADERS, END_HEADERS, 5, GET), frame(HEADERS, END_HEADERS, 3, GET)], /closed/],
  ['padding longer than the frame', [frame(HEADERS, END_HEADERS, 1, GET), frame(DATA, 8, 1, '\x05abc')], /padding/],
  ['a frame in a header block', [frame(HEADERS, 0, 1, GET), frame(PING, 0, 0, '12345678')], /not whole/],
  ['CONTINUATION of another stream', [frame(HEADERS, 0, 1, GET), frame(CONTINUATION, 4, 3, '')], /not whole/],
  ['CONTINUATION out of nothing', [frame(CONTINUATION, 4, 1, '')], /without a header block/],
  ['PUSH_PROMISE', [frame(PUSH_PROMISE, 4, 1, '\0\0\0\x02')], /never asked/],
  ['a short PING', [frame(PING, 0, 0, '1234')], /length/],
  ['SETTINGS with a stream', [frame(SETTINGS, 0, 1)], /identifier/],
  ['SETTINGS of 5 bytes', [frame(SETTINGS, 0, 0, '12345')], /length/],
  ['ENABLE_PUSH of 2', [frame(SETTINGS, 0, 0, '\0\x02\0\0\0\x02')], /setting/],
  ['MAX_FRAME_SIZE of 1', [frame(SETTINGS, 0, 0, '\0\x05\0\0\0\x01')], /setting/],
  ['INITIAL_WINDOW_SIZE of 2^31', [frame(SETTINGS, 0, 0, '\0\x04\x80\0\0\0')], /INITIAL_WINDOW/],
  ['WINDOW_UPDATE by 0', [frame(WINDOW_UPDATE, 0, 0, '\0\0\0\0')], /by 0/],
  ['a window of more than 2^31-1', [frame(WINDOW_UPDATE, 0, 0, '\x7f\xff\xff\xff')], /too large/],
  ['RST_STREAM on an idle stream', [frame(RST_STREAM, 0, 1, '\0\0\0\0')], /never opened/],
  ['GOAWAY of 7 bytes', [frame(GOAWAY, 0, 0, '1234567')], /length/],
  ['a frame that is too large', [frame(99, 0, 0, Buffer.alloc(16_385))], /MAX_FRAME_SIZE/],
  ['a block that HPACK cannot read', [frame(HEADERS, END | END_HEADERS, 1, '\x80')], /decompressed/],
  ['a stream that depends on itself', [frame(PRIORITY, 0, 1, '\0\0\0\x01\0')], /itself/],
  ['a frame that is no SETTINGS first', [], /first frame/],
];
for (const [claim, frames, text] of wrongs) {
  test(`${claim} is an error of the connection, said by GOAWAY, and nothing is read after it`, () => {
    const first = frames.length === 0;
    const peer = first ? new RecordedSession(sessionOptions('server')) : server();
    const bytes = first ? [latin1(CLIENT_PREFACE), frame(PING, 0, 0, '12345678')] : frames;
    assert.equal(peer.read(Buffer.concat([...bytes, frame(HEADERS, END | END_HEADERS, 101, GET)]), [7, 3, 30]), false);
    assert.match(peer.error, text);
    const goaway = peer.output();
    assert.equal(goaway.readUInt32BE(goaway.length - 4), peer.failure?.code);
    assert.equal(peer.received.has(101), false);
    assert.equal(peer.read(frame(PING, 0, 0, '12345678')), false);
  });
}

test('what is no preface is refused', () => {
  const peer = new RecordedSession(sessionOptions('server'));
  assert.equal(peer.read(latin1('GET / HTTP/1.1\r\nhost: a\r\n\r\n')), false);
  assert.match(peer.error, /preface/);
});

test('more than the window allows is refused: on a stream, and on the connection', () => {
  const peer = server({ initialConnectionWindow: 1_000_000 });
  peer.read(frame(HEADERS, END_HEADERS, 1, GET));
  const { stream } = peer.received.get(1) ?? assert.fail();
  peer.session.pause(stream, true);
  for (let i = 0; i < 5; i++) peer.read(frame(DATA, 0, 1, Buffer.alloc(16_000)));
  assert.match(peer.received.get(1)?.failure ?? '', /window/);
  const greedy = server();
  greedy.read(Buffer.concat([frame(HEADERS, END_HEADERS, 1, GET)]));
  greedy.session.pause((greedy.received.get(1) ?? assert.fail()).stream, true);
  for (let i = 0; i < 5; i++) greedy.read(frame(DATA, 0, 1, Buffer.alloc(16_000)));
  assert.match(greedy.error, /window/);
});

test('frames for a stream that the peer closed are refused; for one that we reset they pass', () => {
  const peer = server();
  peer.read(frame(HEADERS, END | END_HEADERS, 1, GET));
  const { stream } = peer.received.get(1) ?? assert.fail();
  peer.session.reset(stream, ErrorCode.Cancel);
  peer.read(
    Buffer.concat([
      frame(DATA, 0, 1, 'x'),
      frame(HEADERS, END | END_HEADERS, 1, GET),
      frame(WINDOW_UPDATE, 0, 1, '\0\0\0\x01'),
    ]),
  );
  assert.equal(peer.error, '');
  peer.read(Buffer.concat([frame(HEADERS, END_HEADERS, 3, GET), frame(RST_STREAM, 0, 3, '\0\0\0\x08')]));
  assert.equal(peer.received.get(3)?.failure, 'reset Cancel');
  peer.output();
  peer.read(frame(DATA, 0, 3, 'x'));
  assert.deepEqual(peer.output(), frame(RST_STREAM, 0, 3, '\0\0\0\x05'));
  peer.read(Buffer.concat([frame(HEADERS, END_HEADERS, 5, GET), frame(RST_STREAM, 0, 5, '\0\0\0\x08')]));
  peer.read(frame(HEADERS, END | END_HEADERS, 5, GET));
  assert.match(peer.error, /closed/);
});

test('a stream whose client has finished takes nothing more', () => {
  const peer = server();
  peer.read(Buffer.concat([frame(HEADERS, END | END_HEADERS, 1, GET), frame(DATA, 0, 1, 'x')]));
  assert.match(peer.received.get(1)?.failure ?? '', /closed/);
});

const floods: [claim: string, one: Buffer, most: number, text: RegExp][] = [
  ['PING', frame(PING, 0, 0, '12345678'), 1000, /control frames/],
  ['SETTINGS', frame(SETTINGS, 0, 0), 1000, /control frames/],
  ['PRIORITY', frame(PRIORITY, 0, 1, '\0\0\0\x05\0'), 100, /PRIORITY/],
  ['WINDOW_UPDATE', frame(WINDOW_UPDATE, 0, 0, '\0\0\0\x01'), 5, /WINDOW_UPDATE/],
];
for (const [claim, one, most, text] of floods) {
  test(`a flood of ${claim} ends the connection`, () => {
    const peer = server();
    peer.read(Buffer.concat(Array.from({ length: most }, () => one)));
    assert.equal(peer.error, '');
    peer.read(one);
    assert.match(peer.error, text);
    assert.equal(peer.failure?.code, ErrorCode.EnhanceYourCalm);
  });
}

test('a flood of empty DATA, or of CONTINUATION, ends the connection', () => {
  const empty = server();
  empty.read(
    Buffer.concat([frame(HEADERS, END_HEADERS, 1, GET), frame(DATA, 0, 1), frame(DATA, 0, 1, 'x'), frame(DATA, 0, 1)]),
  );
  assert.equal(empty.error, '');
  empty.read(frame(DATA, 0, 1));
  assert.match(empty.error, /empty payload/);
  const endless = server();
  endless.read(frame(HEADERS, 0, 1, GET));
  for (let i = 0; i < 200; i++) endless.read(frame(CONTINUATION, 0, 1, '\x00\x01x\x01y'));
  assert.match(endless.error, /too many pieces/);
});

test('resets that nobody reads end the connection too, told when the output is taken', () => {
  const peer = server({ maxConcurrentStreams: 0 });
  for (let id = 1; id < 2100; id += 2) peer.read(frame(HEADERS, END | END_HEADERS, id, GET));
  assert.match(peer.error, /control frames/);
  const pair = new SessionPair();
  pair.settle();
  pair.request();
  pair.settle();
  const got = pair.server.received.get(1) ?? assert.fail();
  pair.server.session.sendResponse(got.stream, 200, headersOf([]), false);
  for (let i = 0; i < 10_001; i++) pair.server.session.sendData(got.stream, latin1('x'), false);
  assert.equal(pair.server.error, '');
  pair.server.output();
  assert.match(pair.server.error, /outbound queue/);
});

test('a ping is answered, and an answer is told', () => {
  const pair = new SessionPair();
  pair.settle();
  pair.client.session.ping();
  pair.settle();
  assert.equal(pair.client.events.at(-1), 'ping ack');
});

test('output is told once for all that gathers', () => {
  const pair = new SessionPair();
  pair.settle();
  pair.client.log.length = 0;
  pair.request();
  pair.request();
  assert.deepEqual(pair.client.log, ['output']);
  pair.settle();
  pair.request();
  assert.equal(pair.client.log.filter((line) => line === 'output').length, 2);
});
