import assert from 'node:assert/strict';
import test from 'node:test';
import { printable } from '#base/printable.ts';

test('what a terminal would obey is written out, other text stays', () => {
  assert.equal(printable('a\x1b[2J\n\u202eb\ud800 \u{e0001}é漢'), 'a\\x1b[2J\\x0a\\u202eb\\ud800 \\ue0001é漢');
});
