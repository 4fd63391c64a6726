import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stdRegex } from '#config/syntax/std-regex.ts';

test('classes have POSIX names', () => {
  const regex = stdRegex('^cluster\\.(([[:alpha:]_]+[^[:space:].]?)\\.)');
  assert.equal(regex.exec('cluster.my_a9.x')?.[2], 'my_a9');
  assert.equal(regex.exec('cluster.9.x'), null);
  assert.ok(stdRegex('^[[:punct:]]+$').test('a-[]/{~'.slice(1)));
});

test('what ECMAScript shares with C++ stays', () => {
  for (const pattern of ['^a{2,3}b{4}c{5,}', '(?:x|y)(?=z)(?!w)\\.\\d\\x41\\u0041\\cA', '[\\]a]\\[b\\]', 'a}']) {
    assert.equal(stdRegex(pattern).source, pattern);
  }
});

test('what C++ refuses is refused in its words', () => {
  const refused = {
    '(?<=x)y': /not preceded/,
    '(?<n>x)': /not preceded/,
    '\\Ax': /invalid escaped/,
    'x\\': /invalid escaped/,
    'x{2,(a)': /mismatched \{ and \}/,
    '[[:letter:]]': /class name/,
  };
  for (const [pattern, message] of Object.entries(refused)) assert.throws(() => stdRegex(pattern), message, pattern);
});
