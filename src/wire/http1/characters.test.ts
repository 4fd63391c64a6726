import assert from 'node:assert/strict';
import test from 'node:test';
import { HEX, TARGET, TOKEN, VALUE } from '#wire/http1/characters.ts';

const BYTES = Array.from({ length: 256 }, (_, c) => c);
const those = (table: Uint8Array, wrong: number) => BYTES.filter((c) => table[c] !== wrong);
const matching = (pattern: RegExp) => BYTES.filter((c) => pattern.test(String.fromCharCode(c)));

test("a token is made of RFC 9110's characters, and read in lower case", () => {
  assert.deepEqual(those(TOKEN, 0), matching(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/));
  for (const c of those(TOKEN, 0)) assert.equal(TOKEN[c], String.fromCharCode(c).toLowerCase().charCodeAt(0));
});

test('a value may hold what is visible, blanks, tabs and bytes above ASCII', () => {
  assert.deepEqual(those(VALUE, 0), matching(/[\t -~\x80-\xff]/));
});

test('a target may hold visible ASCII alone', () => {
  assert.deepEqual(those(TARGET, 0), matching(/[!-~]/));
});

test('hexadecimal digits in both cases have their values, others none', () => {
  assert.deepEqual(those(HEX, 255), matching(/[0-9A-Fa-f]/));
  for (const c of those(HEX, 255)) assert.equal(HEX[c], Number.parseInt(String.fromCharCode(c), 16));
});
