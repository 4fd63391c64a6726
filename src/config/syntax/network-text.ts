/**
 * A network in its one canonical form: bits past the prefix are zero (RFC 4632, section 3.1). Two ranges are the same network exactly
 * when their texts are equal.
 */
import { isIPv4 } from 'node:net';
import type { CidrRange } from '#config/model/address.ts';

/** @param range with an address in canonical form, as readers leave it. */
export function networkText({ address, prefixLength }: CidrRange): string {
  const width = isIPv4(address) ? 8 : 16;
  const groups = isIPv4(address) ? address.split('.').map(Number) : groupsOfV6(address);
  const masked = groups.map((group, i) => {
    const kept = Math.min(width, Math.max(0, prefixLength - i * width));
    return group & ~((1 << (width - kept)) - 1);
  });
  const text = width === 8 ? masked.join('.') : masked.map((group) => group.toString(16)).join(':');
  return `${text}/${prefixLength}`;
}

function groupsOfV6(address: string): number[] {
  const [bare] = address.split('%');
  const v4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(bare);
  const plain = v4 === null ? bare : `${bare.slice(0, v4.index)}${hex(v4[1], v4[2])}:${hex(v4[3], v4[4])}`;
  const [head, tail] = plain.split('::');
  const front = numbers(head);
  if (tail === undefined) return front;
  const back = numbers(tail);
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function hex(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

function numbers(groups: string): number[] {
  return groups === '' ? [] : groups.split(':').map((group) => Number.parseInt(group, 16));
}
