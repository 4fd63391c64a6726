import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSubstitution } from '#config/read/regex.ts';
import { readMessage } from '#testing/read-message.ts';

const TYPE = 'envoy.type.matcher.v3.RegexMatchAndSubstitute';
const read = (regex: string, substitution: string) =>
  readMessage(TYPE, { pattern: { regex }, substitution }, readSubstitution);

test('a substitution uses the groups of its pattern', () => {
  const { value, warnings } = read('(a)(b)', '\\2\\1\\0\\\\');
  assert.deepEqual(value, { regex: '(a)(b)', substitution: '\\2\\1\\0\\\\' });
  assert.deepEqual(warnings, []);
});

test('a group that is not there: nothing is ever replaced, as in RE2, and that is said', () => {
  const { value, errors, warnings } = read('(a)', 'x\\2');
  assert.equal(value?.substitution, '\\0');
  assert.deepEqual(errors, []);
  assert.deepEqual(warnings, [
    'substitution: nothing is ever replaced: the substitution uses group 2, the pattern has 1',
  ]);
});

test('a substitution ends where an escape is bad, as in RE2, and that is said', () => {
  for (const bad of ['q\\x', 'q\\']) {
    const { value, warnings } = read('a', bad);
    assert.equal(value?.substitution, 'q');
    assert.match(warnings[0], /^substitution: the substitution ends at /);
  }
});

test('a pattern that RE2 refuses is refused in its words', () => {
  assert.deepEqual(read('(a', 'x').errors, ['pattern.regex: missing ): (a']);
});
