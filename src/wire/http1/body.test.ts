import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Headers } from '#wire/headers.ts';
import { BodyReader } from '#wire/http1/body.ts';
import { CHUNKED, NO_LENGTH } from '#wire/http1/framing.ts';
import { ParseError } from '#wire/http1/parse-error.ts';

const TRAILER_LIMIT = 60;
const MAX_TRAILERS = 3;

interface Outcome {
  body: string;
  /** Undefined: the end was not told. */
  trailers?: [string, string][];
  done: boolean;
  /** How many bytes were taken, or the ParseError. */
  result: number;
}

/** Reads a body whose bytes come in pieces of these sizes, the last one as large as need be. */
function read(length: number, bytes: Buffer, sizes: readonly number[] = []): Outcome {
  const reader = new BodyReader(() => new Headers(), TRAILER_LIMIT, MAX_TRAILERS);
  const outcome: Outcome = { body: '', done: false, result: 0 };
  let shift = 0;
  const sink = {
    onBody(piece: Buffer, start: number, end: number) {
      outcome.body += piece.latin1Slice(start, end);
      assert.equal(reader.position, end);
    },
    onBodyEnd(trailers: Headers | undefined) {
      assert.equal(outcome.trailers, undefined, 'the end is told once');
      outcome.trailers = trailers?.entries() ?? [];
      assert.ok(reader.done);
    },
  };
  reader.begin(length);
  let pos = 0;
  for (let i = 0; pos < bytes.length && !reader.done; i++) {
    const end = Math.min(bytes.length, pos + (sizes[i] ?? bytes.length));
    // Each piece stands elsewhere in a buffer of its own.
    shift = i % 3;
    const piece = Buffer.concat([Buffer.alloc(shift), bytes.subarray(pos, end), Buffer.from('more')]);
    const after = reader.read(piece, shift, shift + end - pos, sink);
    if (after < 0) return { ...outcome, result: after };
    assert.ok(reader.done || after === shift + end - pos, 'all is read while the body is not done');
    pos += after - shift;
  }
  return { ...outcome, done: reader.done, result: pos };
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

test('a body of a known length ends there, and what follows is not taken', () => {
  assert.deepEqual(read(3, latin1('abcGET')), { body: 'abc', done: true, result: 3 });
  assert.deepEqual(read(5, latin1('abc')), { body: 'abc', done: false, result: 3 });
  assert.deepEqual(read(0, latin1('abc')), { body: '', done: true, result: 0 });
});

test('a body without a length goes on to the end of the connection', () => {
  const reader = new BodyReader(() => new Headers(), TRAILER_LIMIT, MAX_TRAILERS);
  reader.begin(NO_LENGTH);
  assert.ok(reader.endsWithConnection && !reader.done);
  assert.deepEqual(read(NO_LENGTH, latin1('abc0\r\n\r\n'), [2]), { body: 'abc0\r\n\r\n', done: false, result: 8 });
});

test('the reader says how much of a known length is to come', () => {
  const reader = new BodyReader(() => new Headers(), TRAILER_LIMIT, MAX_TRAILERS);
  reader.begin(10);
  assert.equal(reader.remaining, 10);
  reader.read(latin1('abc'), 0, 3, { onBody() {}, onBodyEnd() {} });
  assert.equal(reader.remaining, 7);
  reader.begin(CHUNKED);
  assert.equal(reader.remaining, 0);
});

const GOOD: [text: string, body: string, trailers: [string, string][]][] = [
  ['0\r\n\r\n', '', []],
  ['3\r\nabc\r\n0\r\n\r\n', 'abc', []],
  ['003\r\nabc\r\nA\r\n0123456789\r\n00\r\n\r\n', 'abc0123456789', []],
  ['3;name="v;\t\xe9"\r\nabc\r\n0;x\r\n\r\n', 'abc', []],
  ['3 \r\nabc\r\n0\t\r\n\r\n', 'abc', []],
  ['1\r\n\r\r\n0\r\n\r\n', '\r', []],
  [
    '0\r\nX-Sum: 1\r\nx: 2\r\n\r\n',
    '',
    [
      ['x-sum', '1'],
      ['x', '2'],
    ],
  ],
];

for (const [text, body, trailers] of GOOD) {
  test(`chunks ${JSON.stringify(text)} are read`, () => {
    const expected = { body, trailers, done: true, result: text.length };
    assert.deepEqual(read(CHUNKED, latin1(`${text}GET /`)), expected);
    assert.deepEqual(read(CHUNKED, latin1(`${text}GET /`), Array(text.length).fill(1)), expected);
  });
}

const { BadChunkSize, BadChunk, BareLineFeed, BareCarriageReturn, BadFieldName, TooManyFields, HeadTooLarge } =
  ParseError;
const BAD: [text: string, error: number][] = [
  ['\r\n', BadChunkSize],
  ['x', BadChunkSize],
  ['-1\r\n', BadChunkSize],
  ['+1\r\n', BadChunkSize],
  ['0x1\r\n', BadChunkSize],
  [' 1\r\n', BadChunkSize],
  ['1_0\r\n', BadChunkSize],
  ['1\0\r\n', BadChunkSize],
  ['00000000000001\r\n', BadChunkSize],
  ['fffffffffffffffff\r\n', BadChunkSize],
  ['3;a\0\r\n', BadChunkSize],
  ['3\nabc', BareLineFeed],
  ['3;a\nabc', BareLineFeed],
  ['3\rabc', BareCarriageReturn],
  ['3;\rabc', BareCarriageReturn],
  ['3\r\nabcd\r\n', BadChunk],
  ['3\r\nabc\n', BadChunk],
  ['3\r\nabc\r0', BadChunk],
  ['0\r\nx\r\n\r\n', BadFieldName],
  ['0\r\nx: y\n\r\n', BareLineFeed],
  ['0\r\n\n', BareLineFeed],
  ['0\r\n\rx\n', BareCarriageReturn],
  [`0\r\n${'a: b\r\n'.repeat(MAX_TRAILERS + 1)}\r\n`, TooManyFields],
  [`0\r\na: ${'b'.repeat(TRAILER_LIMIT)}\r\n\r\n`, HeadTooLarge],
  [`0\r\na: ${'b'.repeat(TRAILER_LIMIT)}`, HeadTooLarge],
  [`1;${'a'.repeat(5000)}`, ParseError.ChunkLineTooLong],
];

for (const [text, error] of BAD) {
  test(`chunks ${JSON.stringify(text.slice(0, 40))} are refused with ${error}, in one piece or byte by byte`, () => {
    assert.equal(read(CHUNKED, latin1(text)).result, error);
    assert.equal(read(CHUNKED, latin1(text), Array(text.length).fill(1)).result, error);
  });
}

test('the largest chunk size is below 2^53', () => {
  assert.deepEqual(read(CHUNKED, latin1('fffffffffffff\r\nabc')), { body: 'abc', done: false, result: 18 });
});

test('trailers of the size of the limit are read in one piece and byte by byte', () => {
  const text = `0\r\na: ${'b'.repeat(TRAILER_LIMIT - 7)}\r\n\r\n`;
  assert.ok(read(CHUNKED, latin1(text)).done);
  assert.ok(read(CHUNKED, latin1(text), Array(text.length).fill(1)).done);
});

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 });
const PIECES = [
  '0\r\n',
  '3\r\nabc\r\n',
  '1;x\r\nz\r\n',
  'a: b\r\n',
  '\r\n',
  '\r',
  '\n',
  '0',
  'f',
  ';',
  ' ',
  ':',
  '\0',
  'GET / HTTP/1.1\r\n',
];
const nearly = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((parts) => latin1(parts.join('')));

test('any bytes in any pieces are the same body, or the same error', () => {
  const length = fc.oneof(fc.constant(CHUNKED), fc.constant(CHUNKED), fc.constant(NO_LENGTH), fc.nat(30));
  const property = fc.property(length, nearly, sizes, (length, bytes, sizes) => {
    const whole = read(length, bytes);
    const pieces = read(length, bytes, sizes);
    // Which error comes first may depend on the pieces: an error in trailers is looked for when they may be whole.
    if (whole.result < 0 && pieces.result < 0) assert.equal(pieces.body, whole.body);
    else if (whole.result >= 0) assert.deepEqual(pieces, whole);
    else assert.ok(!pieces.done && pieces.trailers === undefined, 'an error that was not seen yet is no end');
  });
  fc.assert(property, { numRuns: 1500 });
});

test('any body that is cut into chunks is read back, whatever the extensions and trailers', () => {
  const chunk = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constantFrom('', ';a', ' ;b="c"', '\t'));
  const trailer = fc.tuple(fc.constantFrom('x-a', 'x-b'), fc.stringMatching(/^[!-~]?$/));
  const property = fc.property(
    fc.array(chunk, { maxLength: 5 }),
    fc.array(trailer, { maxLength: MAX_TRAILERS }),
    sizes,
    (chunks, trailers, sizes) => {
      const lines = chunks.map(([data, extension]) => {
        const text = Buffer.from(data).latin1Slice();
        return `${data.length.toString(16)}${extension}\r\n${text}\r\n`;
      });
      const fields = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      const bytes = latin1(`${lines.join('')}0\r\n${fields}\r\n`);
      const body = chunks.map(([data]) => Buffer.from(data).latin1Slice()).join('');
      assert.deepEqual(read(CHUNKED, bytes, sizes), { body, trailers, done: true, result: bytes.length });
    },
  );
  fc.assert(property, { numRuns: 500 });
});
