import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { parseRe2 } from '#config/syntax/re2.ts';
import { fullMatcher, partialMatcher, replacer } from '#selection/regex.ts';
import { decodeUtf8, encodeUtf8 } from '#selection/utf8-text.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

test('a regex matches the whole string or not at all', () => {
  assert.equal(fullMatcher('/a|/ab')('/ab'), true);
  assert.equal(fullMatcher('/a')('/ab'), false);
  assert.equal(fullMatcher('a+')('baa'), false);
  assert.equal(partialMatcher('a+')('baa'), true);
});

test('characters beyond ASCII count as one, and bytes that are no UTF-8 match nothing', () => {
  assert.equal(fullMatcher('.')(bytes('é')), true);
  assert.equal(fullMatcher('.')(bytes('😀')), true);
  assert.equal(fullMatcher('[😀-😎]')(bytes('😃')), true);
  assert.equal(fullMatcher('[^a]+')('\xff'), false);
  assert.equal(fullMatcher('(?i)É\\pL')(bytes('éß')), true);
});

test('spellings of RE2 that JavaScript reads differently keep their meaning', () => {
  const cases: [pattern: string, value: string, matches: boolean][] = [
    ['(?i)hello', 'HeLLo', true],
    ['a(?i)b(?-i)c', 'aBc', true],
    ['a(?i)b(?-i)c', 'aBC', false],
    ['\\Aab\\z', 'ab', true],
    ['\\Qa.b\\E+', 'a.bb', true],
    ['(?P<n>a)(?<m>b)', 'ab', true],
    ['[[:alpha:]][[:^digit:]]', 'a-', true],
    ['[]a]+', ']a', true],
    ['[^]a]', ']', false],
    ['a{,5}', 'a{,5}', true],
    ['\\s', '\v', false],
    ['.', '\r', true],
    ['.', '\n', false],
    ['(?s).', '\n', true],
    ['\\x{41}\\101\\x41', 'AAA', true],
    ['\\p{Greek}', bytes('λ'), true],
    ['\\pN', '7', true],
    ['^*a$*', 'a', true],
    ['(?U)a+', 'aaa', true],
    ['[a\\-z]+', '-a', true],
    ['[\\d-z]+', '5-z', true],
  ];
  for (const [pattern, value, matches] of cases) {
    assert.equal(fullMatcher(pattern)(value), matches, `${pattern} on ${JSON.stringify(value)}`);
  }
});

test('what RE2 refuses is refused in its words', () => {
  const cases: [pattern: string, message: string][] = [
    ['(a', 'missing ): (a'],
    ['a)', 'unexpected ): a)'],
    ['[a', 'missing ]: [a'],
    ['*a', 'no argument for repetition operator: *'],
    ['a**', 'bad repetition operator: **'],
    ['a{2}{3}', 'bad repetition operator: {2}{3}'],
    ['a{1001}', 'invalid repetition size: {1001}'],
    ['(a{100}){100}', 'invalid repetition size: (a{100}){100}'],
    ['[z-a]', 'invalid character class range: z-a'],
    ['\\1', 'invalid escape sequence: \\1'],
    ['\\C', 'invalid escape sequence: \\C'],
    ['(?=a)', 'invalid perl operator: (?='],
    ['(?<!a)', 'invalid perl operator: (?<!'],
    ['(?i)*', 'no argument for repetition operator: *'],
    ['a\\', 'trailing \\'],
    ['[[:foo:]]', 'invalid character class range: [:foo:]'],
    ['\\p{Nope}', 'invalid character class range: \\p{Nope}'],
  ];
  for (const [pattern, message] of cases) assert.throws(() => parseRe2(pattern), { message }, pattern);
});

test('patterns that would backtrack for ever answer at once', { timeout: 20_000 }, () => {
  for (const pattern of ['(a*)*b', '(?i)(a|aa)+b', '(?:a?){30}a{30}b', '([a-z]{1,30}){1,30}0']) {
    const started = performance.now();
    assert.equal(fullMatcher(pattern)('a'.repeat(3000)), false);
    assert.ok(performance.now() - started < 2000, pattern);
  }
});

test('replacing follows RE2: groups by number, no empty match right after a match', () => {
  assert.equal(replacer('a*', 'x')('baac'), 'xbxcx');
  assert.equal(replacer('^/service/([^/]+)(/.*)$', '\\2/instance/\\1')('/service/foo/v1/api'), '/v1/api/instance/foo');
  assert.equal(replacer('one', 'two\\\\\\0')('/one/one'), '/two\\one/two\\one');
  assert.equal(replacer('(x)|é', '<\\1>')(bytes('aéx\xff')), '<>'.replace('<>', 'a<><x>') + bytes('\xff'));
});

test('UTF-8 and back keeps every byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (array) => {
      const text = Buffer.from(array).toString('latin1');
      assert.equal(encodeUtf8(decodeUtf8(text)), text);
    }),
  );
});

/** Pieces that random patterns are made of; most combinations are valid, some are not. */
const PIECES = [
  'a',
  'b',
  'c',
  'k',
  'S',
  '/',
  '-',
  '.',
  '^',
  '$',
  '|',
  '(',
  ')',
  '(?:',
  '(?i)',
  '(?i:',
  '(?P<n>',
  '*',
  '+',
  '?',
  '*?',
  '{2}',
  '{0,3}',
  '{2,}',
  '[ab]',
  '[^a]',
  '[a-c-]',
  '[[:upper:]]',
  '[\\w-]',
  '\\d',
  '\\W',
  '\\s',
  '\\b',
  '\\B',
  '\\A',
  '\\z',
  '\\.',
  '\\Q.\\E',
  '\\pL',
  '(?s)',
  '(?m)',
  'é',
  '(?U)',
  ']',
  '}',
  '{',
  ',',
];

test('random patterns match the same strings as in re2js, and the same ones are refused', () => {
  let compared = 0;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join('')),
      fc.array(
        fc.array(fc.constantFrom('a', 'b', 'A', 'k', 's', '/', '-', '.', '1', ' ', 'é', '\n', '{', '}', ','), {
          maxLength: 5,
        }),
        {
          minLength: 4,
          maxLength: 8,
        },
      ),
      (pattern, values) => {
        const reference = attempt(() => RE2JS.compile(pattern));
        const ours = attempt(() => fullMatcher(pattern));
        assert.equal(ours === undefined, reference === undefined, `${pattern}: refused by one`);
        if (reference === undefined || ours === undefined) return;
        for (const value of values.map((characters) => characters.join(''))) {
          compared++;
          assert.equal(
            ours(bytes(value)),
            reference.matcher(value).matches(),
            `${pattern} on ${JSON.stringify(value)}`,
          );
        }
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(compared > 3000);
});

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
