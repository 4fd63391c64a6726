import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xxHash64 } from '#proxy/xds/xx-hash.ts';

test('hashes are those of the reference implementation', () => {
  assert.equal(xxHash64(''), 0xef46db3751d8e999n);
  assert.equal(xxHash64('a'), 0xd24ec4f1a98c6e5bn);
  assert.equal(xxHash64('as'), 0x1c330fb2d66be179n);
  assert.equal(xxHash64('asd'), 0x631c37ce72a97393n);
  assert.equal(xxHash64('asdf'), 0x415872f599cea71en);
  const long = 'Call me Ishmael. Some years ago--never mind how long precisely-';
  assert.equal(xxHash64(long), 0x02a2e85470d6fd96n);
});
