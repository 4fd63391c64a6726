/**
 * XXH64, the hash by which Envoy chooses hosts for keys. Numbers of 64 bits are two halves of 32, so that no BigInt is made on the data path.
 * Follows https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md#xxh64-algorithm-description
 */

/** 64 bits, unsigned, in halves of 32. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

const ZERO: Hash64 = { high: 0, low: 0 };

/** Primes of the algorithm: high and low halves. */
const P1H = 0x9e3779b1;
const P1L = 0x85ebca87;
const P2H = 0xc2b2ae3d;
const P2L = 0x27d4eb4f;
const P3H = 0x165667b1;
const P3L = 0x9e3779f9;
const P4H = 0x85ebca77;
const P4L = 0xc2b2ae63;
const P5H = 0x27d4eb2f;
const P5L = 0x165667c5;

/** The number that the functions below work on. */
let h = 0;
let l = 0;

function set(high: number, low: number): void {
  h = high;
  l = low;
}

function add(high: number, low: number): void {
  const sum = (l >>> 0) + (low >>> 0);
  h = (h + high + (sum > 0xffff_ffff ? 1 : 0)) | 0;
  l = sum | 0;
}

function xor(high: number, low: number): void {
  h ^= high;
  l ^= low;
}

function multiply(high: number, low: number): void {
  const a0 = l & 0xffff;
  const a1 = l >>> 16;
  const b0 = low & 0xffff;
  const b1 = low >>> 16;
  const lowest = a0 * b0;
  const first = a1 * b0 + (lowest >>> 16);
  const second = a0 * b1 + (first % 0x10000);
  const carried = a1 * b1 + Math.floor(first / 0x10000) + Math.floor(second / 0x10000);
  h = (carried + Math.imul(h, low) + Math.imul(l, high)) | 0;
  l = ((second % 0x10000) << 16) | (lowest & 0xffff);
}

/** @param bits 1 to 31 */
function rotate(bits: number): void {
  const high = h;
  h = (h << bits) | (l >>> (32 - bits));
  l = (l << bits) | (high >>> (32 - bits));
}

/** Folds the number shifted to the right into itself. @param bits 1 to 63 */
function foldRight(bits: number): void {
  if (bits >= 32) l ^= h >>> (bits - 32);
  else {
    l ^= (l >>> bits) | (h << (32 - bits));
    h ^= h >>> bits;
  }
}

const laneHigh = new Int32Array(4);
const laneLow = new Int32Array(4);

/** One step of a lane, or of nothing, with an input: the number that is worked on is the lane. */
function round(high: number, low: number): void {
  const [atHigh, atLow] = [h, l];
  set(high, low);
  multiply(P2H, P2L);
  add(atHigh, atLow);
  rotate(31);
  multiply(P1H, P1L);
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** Goes through 32 bytes at a time. @returns how many were taken */
function takeLanes(bytes: Uint8Array, seed: Hash64): number {
  const starts = [
    [P1H, P1L, P2H, P2L],
    [P2H, P2L, 0, 0],
    [0, 0, 0, 0],
    [0, 0, ~P1H, -P1L | 0],
  ];
  for (let lane = 0; lane < 4; lane++) {
    const [high, low, moreHigh, moreLow] = starts[lane];
    set(seed.high, seed.low);
    add(high, low);
    add(moreHigh, moreLow);
    laneHigh[lane] = h;
    laneLow[lane] = l;
  }
  let at = 0;
  for (; at + 32 <= bytes.length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      set(laneHigh[lane], laneLow[lane]);
      round(word(bytes, at + lane * 8 + 4), word(bytes, at + lane * 8));
      laneHigh[lane] = h;
      laneLow[lane] = l;
    }
  }
  mergeLanes();
  return at;
}

const MERGE_ROTATIONS = [1, 7, 12, 18];

function mergeLanes(): void {
  let [high, low] = [0, 0];
  for (let lane = 0; lane < 4; lane++) {
    set(laneHigh[lane], laneLow[lane]);
    rotate(MERGE_ROTATIONS[lane]);
    add(high, low);
    [high, low] = [h, l];
  }
  for (let lane = 0; lane < 4; lane++) {
    set(0, 0);
    round(laneHigh[lane], laneLow[lane]);
    xor(high, low);
    multiply(P1H, P1L);
    add(P4H, P4L);
    [high, low] = [h, l];
  }
}

/** @param seed what the hash goes on from; zero unless said */
export function xxHash64(bytes: Uint8Array, seed: Hash64 = ZERO): Hash64 {
  const { length } = bytes;
  let at = 0;
  if (length >= 32) at = takeLanes(bytes, seed);
  else {
    set(P5H, P5L);
    add(seed.high, seed.low);
  }
  add(0, length);
  for (; at + 8 <= length; at += 8) {
    const [high, low] = [h, l];
    set(0, 0);
    round(word(bytes, at + 4), word(bytes, at));
    xor(high, low);
    rotate(27);
    multiply(P1H, P1L);
    add(P4H, P4L);
  }
  if (at + 4 <= length) {
    const [high, low] = [h, l];
    set(0, word(bytes, at));
    multiply(P1H, P1L);
    xor(high, low);
    rotate(23);
    multiply(P2H, P2L);
    add(P3H, P3L);
    at += 4;
  }
  for (; at < length; at++) {
    const [high, low] = [h, l];
    set(0, bytes[at]);
    multiply(P5H, P5L);
    xor(high, low);
    rotate(11);
    multiply(P1H, P1L);
  }
  return avalanche();
}

function avalanche(): Hash64 {
  foldRight(33);
  multiply(P2H, P2L);
  foldRight(29);
  multiply(P3H, P3L);
  foldRight(32);
  return { high: h >>> 0, low: l >>> 0 };
}

const scratch = Buffer.alloc(256);

/** The hash of a text's bytes in UTF-8. */
export function xxHash64Text(text: string, seed: Hash64 = ZERO): Hash64 {
  if (text.length * 3 > scratch.length) return xxHash64(Buffer.from(text), seed);
  return xxHash64(scratch.subarray(0, scratch.write(text)), seed);
}

/** Sixteen hexadecimal digits. */
export function hexOf({ high, low }: Hash64): string {
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/** The hash of several parts: the one before, turned by a bit so that equal parts do not cancel each other out, and the next. */
export function combined(before: Hash64 | undefined, next: Hash64): Hash64 {
  if (before === undefined) return next;
  const high = (before.high << 1) | (before.low >>> 31);
  const low = (before.low << 1) | (before.high >>> 31);
  return { high: (high ^ next.high) >>> 0, low: (low ^ next.low) >>> 0 };
}

/** @returns whether the first is less (below zero), equal or greater. */
export function compareHashes(one: Hash64, other: Hash64): number {
  return one.high - other.high || one.low - other.low;
}

/** Divisors up to this one leave room for exact products. */
const EXACT = 2 ** 26;

/** The remainder of a division. @param divisor up to 2^32 */
export function remainder({ high, low }: Hash64, divisor: number): number {
  if (divisor > EXACT) return Number(((BigInt(high) << 32n) | BigInt(low)) % BigInt(divisor));
  return ((high % divisor) * (2 ** 32 % divisor) + low) % divisor;
}
