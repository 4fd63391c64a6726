import assert from 'node:assert/strict';
import test from 'node:test';
import { type Hash64, remainder, xxHash64, xxHash64Text } from '#base/xx-hash.ts';

function whole({ high, low }: Hash64): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

test('hashes are those of the reference implementation', () => {
  assert.equal(whole(xxHash64Text('')), 0xef46db3751d8e999n);
  assert.equal(whole(xxHash64Text('a')), 0xd24ec4f1a98c6e5bn);
  assert.equal(whole(xxHash64Text('as')), 0x1c330fb2d66be179n);
  assert.equal(whole(xxHash64Text('asd')), 0x631c37ce72a97393n);
  assert.equal(whole(xxHash64Text('asdf')), 0x415872f599cea71en);
  const long = 'Call me Ishmael. Some years ago--never mind how long precisely-';
  assert.equal(whole(xxHash64Text(long)), 0x02a2e85470d6fd96n);
});

/** The algorithm in the words of its specification, with BigInt. */
function specified(bytes: Uint8Array, seed: bigint): bigint {
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ];
  const cut = (value: bigint) => BigInt.asUintN(64, value);
  const rotate = (value: bigint, bits: bigint) => cut((value << bits) | (value >> (64n - bits)));
  const round = (lane: bigint, input: bigint) => cut(rotate(cut(lane + cut(input * p2)), 31n) * p1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = cut(seed + p5);
  if (bytes.length >= 32) {
    const lanes = [cut(seed + p1 + p2), cut(seed + p2), seed, cut(seed - p1)];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], view.getBigUint64(at + i * 8, true));
    }
    hash = [1n, 7n, 12n, 18n].reduce((sum, bits, i) => cut(sum + rotate(lanes[i], bits)), 0n);
    for (const lane of lanes) hash = cut((hash ^ round(0n, lane)) * p1 + p4);
  }
  hash = cut(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8)
    hash = cut(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4);
  if (at + 4 <= bytes.length) {
    hash = cut(rotate(hash ^ cut(BigInt(view.getUint32(at, true)) * p1), 23n) * p2 + p3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = cut(rotate(hash ^ cut(BigInt(bytes[at]) * p5), 11n) * p1);
  hash = cut((hash ^ (hash >> 33n)) * p2);
  hash = cut((hash ^ (hash >> 29n)) * p3);
  return hash ^ (hash >> 32n);
}

test('bytes of every length hash as specified, with and without a seed', () => {
  const bytes = Uint8Array.from({ length: 200 }, (_, i) => (i * 151 + 7) & 255);
  for (let length = 0; length <= bytes.length; length++) {
    for (const seed of [
      { high: 0, low: 0 },
      { high: 0, low: 1 },
      { high: 0xdeadbeef, low: 0xfeedcafe },
    ]) {
      const part = bytes.subarray(0, length);
      assert.equal(whole(xxHash64(part, seed)), specified(part, whole(seed)), `${length} bytes, seed ${whole(seed)}`);
    }
  }
});

test('a remainder is that of the whole number', () => {
  for (let i = 0; i < 200; i++) {
    const hash = xxHash64Text(`key ${i}`);
    for (const divisor of [1, 100, 65537, 65536, 5000011, 2 ** 32 - 1]) {
      assert.equal(BigInt(remainder(hash, divisor)), whole(hash) % BigInt(divisor));
    }
  }
});
