/**
 * Randomness, injected everywhere. It comes from the system's device: `node:crypto` would cost 5 MB, which a proxy without TLS can do without.
 */
import { openSync, readSync } from 'node:fs';

export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number;
  /** A version 4 UUID (RFC 9562). */
  uuid(): string;
}

/** Numbers come from Math.random and are not for secrets; UUIDs come from the system. */
export const systemRandom: Random = {
  uint32: () => Math.floor(Math.random() * 0x1_0000_0000),
  uuid,
};

/** As `00` to `ff`. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UUID_BYTES = 16;
/** Read at a time: 128 UUIDs. */
const pool = new Uint8Array(128 * UUID_BYTES);
let used = pool.length;
let device: number | undefined;

/** Bytes for a secret. @throws where the system has no /dev/urandom. */
export function secretBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  fill(bytes);
  return bytes;
}

function fill(bytes: Uint8Array): void {
  device ??= openSync('/dev/urandom', 'r');
  for (let filled = 0; filled < bytes.length; ) filled += readSync(device, bytes, filled, bytes.length - filled, null);
}

function uuid(): string {
  if (used === pool.length) {
    fill(pool);
    used = 0;
  }
  const at = used;
  used += UUID_BYTES;
  const version = (pool[at + 6] & 0x0f) | 0x40;
  const variant = (pool[at + 8] & 0x3f) | 0x80;
  return (
    `${HEX[pool[at]]}${HEX[pool[at + 1]]}${HEX[pool[at + 2]]}${HEX[pool[at + 3]]}-` +
    `${HEX[pool[at + 4]]}${HEX[pool[at + 5]]}-${HEX[version]}${HEX[pool[at + 7]]}-` +
    `${HEX[variant]}${HEX[pool[at + 9]]}-${HEX[pool[at + 10]]}${HEX[pool[at + 11]]}` +
    `${HEX[pool[at + 12]]}${HEX[pool[at + 13]]}${HEX[pool[at + 14]]}${HEX[pool[at + 15]]}`
  );
}
