/**
 * Randomness, injected everywhere.
 */
import { randomUUID } from 'node:crypto';

export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number;
  /** A version 4 UUID (RFC 9562). */
  uuid(): string;
}

/** Not for secrets: numbers come from Math.random; UUIDs from the system's generator. */
export const systemRandom: Random = {
  uint32: () => Math.floor(Math.random() * 0x1_0000_0000),
  uuid: () => randomUUID(),
};
