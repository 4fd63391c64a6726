/**
 * MurmurHash64A as the C++ library of GNU has it: by which rings of older proxies are made, and keys of Redis hash. In halves of 32 bits, as no
 * BigInt is to be made for a command.
 * Follows https://gcc.gnu.org/onlinedocs/libstdc++ (std::hash) and config.cluster.v3.Cluster.RingHashLbConfig.HashFunction.
 */
import type { Hash64 } from '#base/xx-hash.ts';

const FACTOR_HIGH = 0xc6a4_a793;
const FACTOR_LOW = 0x5bd1_e995;
const SEED = 0xc70f_6907;

/** The number that {@link multiply} and {@link mix} work on. */
let high = 0;
let low = 0;

/** By the factor. */
function multiply(): void {
  const a0 = low & 0xffff;
  const a1 = low >>> 16;
  const b0 = FACTOR_LOW & 0xffff;
  const b1 = FACTOR_LOW >>> 16;
  const lowest = a0 * b0;
  const first = a1 * b0 + (lowest >>> 16);
  const second = a0 * b1 + (first % 0x10000);
  const carried = a1 * b1 + Math.floor(first / 0x10000) + Math.floor(second / 0x10000);
  high = (carried + Math.imul(high, FACTOR_LOW) + Math.imul(low, FACTOR_HIGH)) | 0;
  low = ((second % 0x10000) << 16) | (lowest & 0xffff);
}

/** Folds the upper 17 bits into the lower ones. */
function mix(): void {
  low ^= high >>> 15;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

export function murmurHash2(key: string | Buffer): Hash64 {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  const { length } = bytes;
  high = 0;
  low = length;
  multiply();
  let hashHigh = high;
  let hashLow = low ^ SEED;
  let at = 0;
  for (; at + 8 <= length; at += 8) {
    high = word(bytes, at + 4);
    low = word(bytes, at);
    multiply();
    mix();
    multiply();
    high ^= hashHigh;
    low ^= hashLow;
    multiply();
    hashHigh = high;
    hashLow = low;
  }
  if (at < length) {
    high = 0;
    low = 0;
    for (let i = length - 1; i >= at; i--) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | bytes[i];
    }
    high ^= hashHigh;
    low ^= hashLow;
    multiply();
    hashHigh = high;
    hashLow = low;
  }
  high = hashHigh;
  low = hashLow;
  mix();
  multiply();
  mix();
  return { high: high >>> 0, low: low >>> 0 };
}
