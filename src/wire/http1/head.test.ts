import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Headers } from '#wire/headers.ts';
import { parseRequestHead, parseResponseHead, type RequestHead, type ResponseHead } from '#wire/http1/head.ts';
import { INCOMPLETE, ParseError, parseErrorText } from '#wire/http1/parse-error.ts';

const MAX_FIELDS = 100;

interface Outcome {
  after: number;
  head: RequestHead;
}

function request(text: string | Buffer, maxFields = MAX_FIELDS, customMethods = false): Outcome {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const head: RequestHead = { method: '', target: '', minor: -1, headers: new Headers() };
  return { after: parseRequestHead(bytes, 0, bytes.length, head, maxFields, customMethods), head };
}

function response(text: string | Buffer): { after: number; head: ResponseHead } {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const head: ResponseHead = { status: 0, reason: '', minor: -1, headers: new Headers() };
  return { after: parseResponseHead(bytes, 0, bytes.length, head, MAX_FIELDS), head };
}

test('a request head gives method, target, version and fields, and ends at its empty line', () => {
  const text = 'GET /a?b HTTP/1.1\r\nHost: a.test\r\nx: \xe9 \t\r\n\r\n';
  const { after, head } = request(`${text}GET /next`);
  assert.equal(after, text.length);
  assert.deepEqual([head.method, head.target, head.minor], ['GET', '/a?b', 1]);
  assert.deepEqual(head.headers.entries(), [
    ['host', 'a.test'],
    ['x', '\xe9'],
  ]);
});

test('a head in the middle of a buffer is read where it stands', () => {
  const bytes = Buffer.from('junkPUT * HTTP/1.0\r\na: b\r\n\r\njunk');
  const head: RequestHead = { method: '', target: '', minor: -1, headers: new Headers() };
  assert.equal(parseRequestHead(bytes, 4, bytes.length, head, MAX_FIELDS, false), bytes.length - 4);
  assert.deepEqual([head.method, head.target, head.minor, head.headers.get('a')], ['PUT', '*', 0, 'b']);
});

test('every version but HTTP/1.1 is treated as HTTP/1.0', () => {
  for (const line of ['GET /a HTTP/1.0', 'GET /a HTTP/1.2', 'GET /a HTTP/2.0', 'GET /a HTTP/0.9']) {
    const { after, head } = request(`${line}\r\nx: y\r\n\r\n`);
    assert.deepEqual([after, head.target, head.minor, head.headers.get('x')], [line.length + 10, '/a', 0, 'y'], line);
  }
});

test('a method and a target alone are a whole request, whatever follows', () => {
  for (const rest of ['', 'x: y\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
    const { after, head } = request(`GET /a\r\n${rest}`);
    assert.deepEqual([after, head.method, head.target, head.minor, head.headers.size], [8, 'GET', '/a', 0, 0]);
  }
});

test('a response head gives status, reason and version', () => {
  assert.deepEqual(response('HTTP/1.0 404 Not \xe9\r\n\r\n').head.reason, 'Not \xe9');
  for (const line of ['HTTP/1.1 200 OK', 'HTTP/1.1 200 ', 'HTTP/1.1 200', 'HTTP/1.1 999 x']) {
    const { after, head } = response(`${line}\r\na: b\r\n\r\n`);
    assert.equal(after, line.length + 10, line);
    assert.equal(head.status, Number(line.slice(9, 12)));
    assert.equal(head.reason, line.slice(13));
    assert.equal(head.headers.get('a'), 'b');
  }
});

const { BadMethod, BadTarget, BadVersion, BadFieldName, BadFieldValue, BareLineFeed, BareCarriageReturn } = ParseError;
const REQUESTS: [text: string, error: number][] = [
  [' GET / HTTP/1.1\r\n\r\n', BadMethod],
  ['G\x01T / HTTP/1.1\r\n\r\n', BadMethod],
  ['FROB / HTTP/1.1\r\n\r\n', BadMethod],
  ['get / HTTP/1.1\r\n\r\n', BadMethod],
  ['GET\t/ HTTP/1.1\r\n\r\n', BadMethod],
  ['\r\nGET / HTTP/1.1\r\n\r\n', BadMethod],
  [`${'A'.repeat(40)}`, BadMethod],
  ['GET  / HTTP/1.1\r\n\r\n', BadTarget],
  ['GET /\x7f HTTP/1.1\r\n\r\n', BadTarget],
  ['GET /\xe9 HTTP/1.1\r\n\r\n', BadTarget],
  ['GET HTTP/1.1\r\n\r\n', BadTarget],
  ['FROB /\r\n', BadMethod],
  ['GET /\r \n', BareCarriageReturn],
  ['GET / HTTP/1.10\r\n\r\n', BadVersion],
  ['GET / HTTP/01.1\r\n\r\n', BadVersion],
  ['GET / http/1.1\r\n\r\n', BadVersion],
  ['GET / HTTP/1.x\r\n\r\n', BadVersion],
  ['GET /  HTTP/1.1\r\n\r\n', BadVersion],
  ['GET / HTTP/1.1 \r\n\r\n', BadVersion],
  ['GET / HTTP/1.1\n\r\n', BareLineFeed],
  ['GET / HTTP/1.1\r \n', BareCarriageReturn],
  ['GET / HTTP/1.1\r\n a: b\r\n\r\n', BadFieldName],
  ['GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n', BadFieldName],
  ['GET / HTTP/1.1\r\na : b\r\n\r\n', BadFieldName],
  ['GET / HTTP/1.1\r\n: b\r\n\r\n', BadFieldName],
  ['GET / HTTP/1.1\r\na\r\n\r\n', BadFieldName],
  ['GET / HTTP/1.1\r\n\xe9: b\r\n\r\n', BadFieldName],
  ['GET / HTTP/1.1\r\na: b\0\r\n\r\n', BadFieldValue],
  ['GET / HTTP/1.1\r\na: \x7f\r\n\r\n', BadFieldValue],
  ['GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n', BareLineFeed],
  ['GET / HTTP/1.1\r\na: b\r\n\n', BareLineFeed],
  ['GET / HTTP/1.1\r\na: b\rc\r\n\r\n', BareCarriageReturn],
  ['GET / HTTP/1.1\r\na: b\r\n\ra', BareCarriageReturn],
];

for (const [text, error] of REQUESTS) {
  test(`${JSON.stringify(text)} is refused: ${parseErrorText(error)}`, () => assert.equal(request(text).after, error));
}

test('status lines that are refused', () => {
  for (const line of ['HTTP/1.1  200 OK', 'HTTP/1.1 20 OK', 'HTTP/1.1 2000', 'HTTP/1.1 099 x', 'HTTP/1.1 -20 x'])
    assert.equal(response(`${line}\r\n\r\n`).after, ParseError.BadStatusLine, line);
  for (const line of ['HTTP/2.0 200 OK', 'http/1.1 200 OK', 'ICY 200 OK      ', 'HTTP/1.1\t200 OK'])
    assert.equal(response(`${line}\r\n\r\n`).after, ParseError.BadStatusLine, line);
  assert.equal(response('HTTP/1.1 200 OK\n\r\n\r\n').after, BareLineFeed);
  assert.equal(response('HTTP/1.1 200 O\rK\r\n\r\n').after, BareCarriageReturn);
});

test('as many fields as allowed are read, and one more is refused', () => {
  const fields = (count: number) => `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(count)}\r\n`;
  assert.equal(request(fields(3), 3).head.headers.size, 3);
  assert.equal(request(fields(4), 3).after, ParseError.TooManyFields);
});

test('every error has words of its own', () => {
  const codes = Object.values(ParseError);
  assert.equal(new Set(codes).size, codes.length);
  assert.equal(new Set(codes.map(parseErrorText)).size, codes.length);
  for (const code of codes) {
    assert.ok(code < INCOMPLETE);
    assert.doesNotMatch(parseErrorText(code), /^parse error/);
  }
});

/** Bytes that often come near to a head: pieces of heads, and what breaks them. */
const PIECES = [
  'GET ',
  'POST ',
  '/a',
  'http://a/',
  '*',
  ' HTTP/1.1\r\n',
  ' HTTP/1.0\r\n',
  'HTTP/1.1 200 OK\r\n',
  'host: a\r\n',
  'Content-Length:3\r\n',
  'x: y\r\n',
  ...[' ', '\t', '\r\n', '\r', '\n', ':', '\0', '\x7f', '\xe9', 'a', '\r\n\r\n'],
];
const nearly = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 12 })
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const anything = fc.oneof({ weight: 4, arbitrary: nearly }, { weight: 1, arbitrary: noise });

test('the beginning of any bytes is incomplete, or means what the whole means', () => {
  const property = fc.property(anything, fc.boolean(), (bytes, isRequest) => {
    const parse = (part: Buffer) => (isRequest ? request(part).after : response(part).after);
    const whole = parse(bytes);
    assert.ok(whole <= bytes.length && whole !== 0);
    for (let length = 0; length < bytes.length; length++) {
      const part = parse(bytes.subarray(0, length));
      if (part !== INCOMPLETE) assert.equal(part, whole, `after ${length} bytes`);
      else assert.ok(whole < 0 || whole > length);
    }
  });
  fc.assert(property, { numRuns: 1500 });
});

test('what is read is the same when it is written and read again', () => {
  const property = fc.property(anything, (bytes) => {
    const { after, head } = request(bytes);
    if (after < 0) return;
    const written = `${head.headers.encode(`${head.method} ${head.target} HTTP/1.${head.minor}\r\n`)}\r\n`;
    const again = request(written);
    assert.equal(again.after, written.length);
    assert.deepEqual(again.head.headers.entries(), head.headers.entries());
    assert.equal(`${again.head.headers.encode(`${head.method} ${head.target} HTTP/1.${head.minor}\r\n`)}\r\n`, written);
  });
  fc.assert(property, { numRuns: 1500 });
});

test('any token is a method where custom methods are allowed', () => {
  for (const method of ['FOO', 'get', 'A_B', 'X'.repeat(200)]) {
    const text = `${method} / HTTP/1.1\r\nhost: a\r\n\r\n`;
    assert.equal(request(text).after, ParseError.BadMethod);
    const { after, head } = request(text, MAX_FIELDS, true);
    assert.deepEqual([after, head.method], [text.length, method]);
  }
  assert.equal(request('G@T / HTTP/1.1\r\nhost: a\r\n\r\n', MAX_FIELDS, true).after, ParseError.BadMethod);
  assert.equal(request('X'.repeat(200), MAX_FIELDS, true).after, INCOMPLETE);
});
