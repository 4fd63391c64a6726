import assert from 'node:assert/strict';
import test from 'node:test';
import { murmurHash2 } from '#proxy/upstream/load-balancer/murmur-hash.ts';

const FACTOR = 0xc6a4_a793_5bd1_e995n;
const SEED = 0xc70f_6907n;

/** The algorithm with BigInt, as it is written down. */
function written(bytes: Buffer): bigint {
  const cut = (value: bigint) => BigInt.asUintN(64, value);
  const mixed = (value: bigint) => value ^ (value >> 47n);
  let hash = SEED ^ cut(BigInt(bytes.length) * FACTOR);
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = cut((hash ^ cut(mixed(cut(bytes.readBigUInt64LE(at) * FACTOR)) * FACTOR)) * FACTOR);
  }
  if (at < bytes.length) {
    let rest = 0n;
    for (let i = bytes.length - 1; i >= at; i--) rest = (rest << 8n) | BigInt(bytes[i]);
    hash = cut((hash ^ rest) * FACTOR);
  }
  return mixed(cut(mixed(hash) * FACTOR));
}

test('bytes of every length hash as it is written down', () => {
  const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 151 + 7) & 255));
  for (let length = 0; length <= bytes.length; length++) {
    const { high, low } = murmurHash2(bytes.subarray(0, length));
    assert.equal((BigInt(high) << 32n) | BigInt(low), written(bytes.subarray(0, length)), `${length} bytes`);
  }
});
