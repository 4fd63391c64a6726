import assert from 'node:assert/strict';
import test from 'node:test';
import { KNOWN, Known, knownByHash, knownId, nameHash } from '#wire/known-headers.ts';

const names = KNOWN.slice(1);

test('no two known names share a hash', () => {
  assert.equal(new Set(names.map(nameHash)).size, names.length);
});

test('each name is found by its hash and by itself', () => {
  for (const name of names) {
    const id = Known[name as keyof typeof Known];
    assert.equal(KNOWN[id], name);
    assert.equal(knownByHash(nameHash(name), name.length), id, name);
    assert.equal(knownId(name), id, name);
  }
});

test('names are lower case, stand once, and have numbers that fit a byte', () => {
  assert.ok(KNOWN.length <= 256);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z0-9-]+$/);
});

test('a hash of another length, and a name that is not known, have no number', () => {
  assert.equal(knownByHash(nameHash('host'), 5), 0);
  assert.equal(knownByHash(nameHash('x-unheard-of'), 12), 0);
  assert.equal(knownId('x-unheard-of'), 0);
  assert.equal(knownId(''), 0);
});
