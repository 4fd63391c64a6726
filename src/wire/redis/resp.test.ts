import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { fuzzRuns } from '#testing/fuzz-runs.ts';
import { inlineWords } from '#wire/redis/inline-command.ts';
import { RespError, RespReader } from '#wire/redis/resp-reader.ts';
import { commandArgs, encodeCommand, encodeResp, parseResp, type RespValue } from '#wire/redis/resp-value.ts';

const RUNS = fuzzRuns(2000);

const text = fc.stringMatching(/^[ -~]{0,12}$/);
const { value } = fc.letrec<{ value: RespValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.record({ kind: fc.constantFrom('simple', 'error'), text }) as fc.Arbitrary<RespValue>,
    fc.record({ kind: fc.constant('integer'), text: fc.integer().map(String) }) as fc.Arbitrary<RespValue>,
    fc.record({
      kind: fc.constant('bulk'),
      bytes: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    }) as fc.Arbitrary<RespValue>,
    fc.constant<RespValue>({ kind: 'null' }),
    fc.record({
      kind: fc.constant('array'),
      items: fc.array(tie('value'), { maxLength: 5 }),
    }) as fc.Arbitrary<RespValue>,
  ),
}));

/** Reads bytes that come in pieces of these lengths, over and over. */
function read(bytes: Buffer, pieces: readonly number[], inline = false): RespValue[] {
  const reader = new RespReader(inline);
  const values: RespValue[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = Math.max(1, pieces[i % pieces.length] ?? 1);
    reader.push(bytes.subarray(at, at + piece));
    at += piece;
    for (let next = reader.next(); next !== undefined; next = reader.next()) values.push(parseResp(next));
  }
  return values;
}

test('what is written is read again, however it is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), fc.array(fc.nat(9), { minLength: 1 }), (values, pieces) => {
      const again = read(Buffer.concat(values.map(encodeResp)), pieces);
      assert.deepEqual(again.map(encodeResp), values.map(encodeResp));
    }),
    { numRuns: Math.min(RUNS, 100_000) },
  );
});

test('any bytes are values, or the beginning of one, or refused; nothing else happens', () => {
  const characters = fc.constantFrom(...Buffer.from('*$:+-\r\n0123456789 "\'\\xGET\0\xff', 'latin1'));
  const bytes = fc.array(characters, { maxLength: 40 }).map((list) => Buffer.from(list));
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(9), { minLength: 1 }), fc.boolean(), (input, pieces, inline) => {
      try {
        read(input, pieces, inline);
      } catch (error) {
        assert.ok(error instanceof RespError, String(error));
      }
    }),
    { numRuns: RUNS },
  );
});

test('a command has the strings of its array, and nothing else is one', () => {
  fc.assert(
    fc.property(value, (one) => {
      const strings =
        one.kind === 'array' ? one.items.map((item) => (item.kind === 'bulk' ? item.bytes : undefined)) : [];
      const expected = strings.length === 0 || strings.includes(undefined) ? undefined : strings;
      assert.deepEqual(commandArgs(encodeResp(one)), expected);
    }),
    { numRuns: Math.min(RUNS, 100_000) },
  );
  assert.deepEqual(
    commandArgs(encodeCommand(['GET', '', 'a b'])),
    ['GET', '', 'a b'].map((text) => Buffer.from(text)),
  );
});

test('a null array is handed on as a null string', () => {
  const reader = new RespReader(false);
  reader.push(Buffer.from('*2\r\n*-1\r\n+OK\r\n*-1\r\n'));
  assert.equal(String(reader.next()), '*2\r\n$-1\r\n+OK\r\n');
  assert.equal(String(reader.next()), '$-1\r\n');
});

const LIMITS = { maxBulk: 10, maxArray: 3, maxDepth: 2, maxLine: 20 };
for (const [what, bytes] of [
  ['a string that is too long', '$11\r\n'],
  ['an array that is too large', '*4\r\n'],
  ['arrays that are too deep', '*1\r\n*1\r\n*1\r\n'],
  ['a line that does not end', `+${'x'.repeat(30)}`],
  ['a length below minus one', '$-2\r\n'],
  ['a length that is no number', '*1x\r\n'],
  ['a string with no end', '$1\r\nabc'],
  ['a carriage return alone', '+a\rb\r\n'],
  ['an unknown type', '*1\r\n!\r\n'],
]) {
  test(`refused: ${what}`, () => {
    const reader = new RespReader(false, LIMITS);
    reader.push(Buffer.from(bytes));
    assert.throws(() => {
      while (reader.next() !== undefined);
    }, RespError);
  });
}

test('inline commands are words, with quotes and escapes', () => {
  const words = (line: string) => inlineWords(Buffer.from(line, 'latin1'))?.map((word) => word.toString('latin1'));
  assert.deepEqual(words('  get\t"a b" \'c\\\'d\\n\' ""'), ['get', 'a b', "c'd\\n", '']);
  assert.deepEqual(words('"\\x41\\n\\"\\q\\xzz"'), ['A\n"qxzz']);
  assert.deepEqual(words(''), []);
  for (const bad of ['"a', "'a", '"a"b', '"\\']) assert.equal(words(bad), undefined, bad);
  const reader = new RespReader(true);
  reader.push(Buffer.from('PING\r\n*1\r\n$1\r\na\r\nget x\r\n'));
  const expected = [['PING'], ['a'], ['get', 'x']].map((args) => String(encodeCommand(args)));
  assert.deepEqual([reader.next(), reader.next(), reader.next(), reader.next()].map(String), [
    ...expected,
    'undefined',
  ]);
});
