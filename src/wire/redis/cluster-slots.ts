/**
 * Who has which keys in a Redis cluster: the answer to CLUSTER SLOTS, and the slot of a key.
 * Follows https://redis.io/docs/latest/commands/cluster-slots/ and https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
import type { RespValue } from '#wire/redis/resp-value.ts';

export const SLOTS = 16_384;

export interface SlotNode {
  /** An address or a name; empty: the node that was asked. */
  host: string;
  port: number;
}

/** Keys of these slots are with a primary, and copies with its replicas. */
export interface SlotRange {
  first: number;
  last: number;
  primary: SlotNode;
  replicas: SlotNode[];
}

/** @returns undefined for an answer that is none */
export function readClusterSlots(value: RespValue): SlotRange[] | undefined {
  if (value.kind !== 'array' || value.items.length === 0) return undefined;
  const ranges: SlotRange[] = [];
  for (const item of value.items) {
    const range = readRange(item);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges;
}

function readRange(value: RespValue): SlotRange | undefined {
  if (value.kind !== 'array' || value.items.length < 3) return undefined;
  const [first, last, ...nodes] = value.items;
  const range = { first: numberOf(first), last: numberOf(last) };
  if (!(range.first >= 0 && range.first <= range.last && range.last < SLOTS)) return undefined;
  const read = nodes.map(readNode);
  if (read.some((node) => node === undefined)) return undefined;
  const [primary, ...replicas] = read as SlotNode[];
  return { ...range, primary, replicas };
}

function readNode(value: RespValue): SlotNode | undefined {
  if (value.kind !== 'array' || value.items.length < 2) return undefined;
  const [host, port] = value.items;
  const number = numberOf(port);
  if (!(number > 0 && number < 65_536)) return undefined;
  if (host.kind === 'null') return { host: '', port: number };
  if (host.kind !== 'bulk') return undefined;
  const text = host.bytes.toString();
  // A node that does not know its own name.
  return { host: text === '?' ? '' : text, port: number };
}

function numberOf(value: RespValue): number {
  return value.kind === 'integer' ? Number(value.text) : Number.NaN;
}

const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, i) => {
  let crc = i << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** @param key the part of it that counts: see hashedPart */
export function slotOf(key: Uint8Array): number {
  let crc = 0;
  for (const byte of key) crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ byte];
  return crc % SLOTS;
}
