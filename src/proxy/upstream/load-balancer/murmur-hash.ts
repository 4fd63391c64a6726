/**
 * MurmurHash64A as the C++ library of GNU has it, for rings that are to be those of older proxies. Rings are made now and then: BigInt will do.
 * Follows https://gcc.gnu.org/onlinedocs/libstdc++ (std::hash) and config.cluster.v3.Cluster.RingHashLbConfig.HashFunction.
 */
import type { Hash64 } from '#base/xx-hash.ts';

const FACTOR = 0xc6a4_a793_5bd1_e995n;
const SEED = 0xc70f_6907n;

const cut = (value: bigint) => BigInt.asUintN(64, value);
const mixed = (value: bigint) => value ^ (value >> 47n);

export function murmurHash2(key: string | Buffer): Hash64 {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  let hash = SEED ^ cut(BigInt(bytes.length) * FACTOR);
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    const data = cut(mixed(cut(bytes.readBigUInt64LE(at) * FACTOR)) * FACTOR);
    hash = cut((hash ^ data) * FACTOR);
  }
  if (at < bytes.length) {
    let rest = 0n;
    for (let i = bytes.length - 1; i >= at; i--) rest = (rest << 8n) | BigInt(bytes[i]);
    hash = cut((hash ^ rest) * FACTOR);
  }
  hash = mixed(cut(mixed(hash) * FACTOR));
  return { high: Number(hash >> 32n), low: Number(hash & 0xffff_ffffn) };
}
