/**
 * XXH64 with seed 0, by which Envoy shows versions as numbers. For short texts now and then: it is not made for speed.
 * Follows https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md#xxh64-algorithm-description
 */

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const MASK = 0xffff_ffff_ffff_ffffn;

const mul = (a: bigint, b: bigint) => (a * b) & MASK;
const add = (a: bigint, b: bigint) => (a + b) & MASK;
const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK;
const round = (lane: bigint, input: bigint) => mul(rotate(add(lane, mul(input, P2)), 31n), P1);

export function xxHash64(text: string): bigint {
  const bytes = Buffer.from(text);
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    const lanes = [add(P1, P2), P2, 0n, (MASK + 1n - P1) & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], bytes.readBigUInt64LE(at + i * 8));
    }
    hash = [1n, 7n, 12n, 18n].reduce((sum, bits, i) => add(sum, rotate(lanes[i], bits)), 0n);
    for (const lane of lanes) hash = add(mul(hash ^ round(0n, lane), P1), P4);
  }
  hash = add(hash, BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8)
    hash = add(mul(rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n), P1), P4);
  if (at + 4 <= bytes.length) {
    hash = add(mul(rotate(hash ^ mul(BigInt(bytes.readUInt32LE(at)), P1), 23n), P2), P3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = mul(rotate(hash ^ mul(BigInt(bytes[at]), P5), 11n), P1);
  hash = mul(hash ^ (hash >> 33n), P2);
  hash = mul(hash ^ (hash >> 29n), P3);
  return hash ^ (hash >> 32n);
}
