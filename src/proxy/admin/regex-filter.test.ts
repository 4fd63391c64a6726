import assert from 'node:assert/strict';
import { test } from 'node:test';
import { regexFilter } from '#proxy/admin/regex-filter.ts';

function kept(pattern: string, names: string[], invert?: boolean): string[] {
  const filter = regexFilter(pattern, invert);
  assert.ok('keeps' in filter);
  return names.filter(filter.keeps);
}

test('a part of the name is enough, and the filter may be turned round', () => {
  const names = ['cluster.a.rq', 'http.in.rq'];
  assert.deepEqual(kept('^cluster|x$', names), ['cluster.a.rq']);
  assert.deepEqual(kept('^cluster|x$', names, true), ['http.in.rq']);
  assert.deepEqual(kept('', names), names);
});

test('what RE2 does not know is refused in its words, as by Envoy', () => {
  const problems = ['[', 'a(?!b)', '(a)\\1', '*', 'a++'].map((pattern) => regexFilter(pattern));
  assert.deepEqual(problems, [
    { problem: 'missing ]: [' },
    { problem: 'invalid perl operator: (?!' },
    { problem: 'invalid escape sequence: \\1' },
    { problem: 'no argument for repetition operator: *' },
    { problem: 'bad repetition operator: ++' },
  ]);
});
