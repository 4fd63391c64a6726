import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DER, derElements } from '#base/der.ts';

test('elements that follow each other are told apart, short and long', () => {
  const long = new Array(200).fill(7);
  const found = derElements(Uint8Array.from([DER.integer, 1, 5, DER.octetString, 0x81, 200, ...long]));
  assert.deepEqual(
    found.map(({ tag, content }) => [tag, content.length]),
    [
      [DER.integer, 1],
      [DER.octetString, 200],
    ],
  );
});

test('an element that is not whole ends the list', () => {
  assert.deepEqual(derElements(Uint8Array.from([DER.integer, 3, 1])), []);
  assert.deepEqual(derElements(Uint8Array.from([DER.integer, 0x85, 1, 1, 1, 1, 1])), []);
  assert.deepEqual(derElements(undefined), []);
});
