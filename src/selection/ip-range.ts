/**
 * IP addresses as numbers, and networks that hold them (RFC 4632, RFC 4291).
 */
import { isIP } from 'node:net';
import type { CidrRange } from '#config/model/address.ts';

/** An address: one 32-bit word for version 4, four for version 6. */
export type IpBits = readonly number[];

/** @returns undefined for what is no IP address (a unix socket's path). */
export function parseIp(text: string): IpBits | undefined {
  switch (isIP(text)) {
    case 4:
      return [parseV4(text)];
    case 6:
      return parseV6(text);
    default:
      return undefined;
  }
}

function parseV4(text: string): number {
  let word = 0;
  for (const part of text.split('.')) word = word * 256 + Number(part);
  return word;
}

function parseV6(text: string): IpBits {
  const [address] = text.split('%');
  const [head, tail] = address.split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const all =
    tail === undefined ? front : [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return [0, 2, 4, 6].map((i) => all[i] * 65_536 + all[i + 1]);
}

/** The 16-bit groups of one side of `::`, the last of which may be written as an IPv4 address. */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const word = parseV4(group);
    return [Math.floor(word / 65_536), word % 65_536];
  });
}

/** The address in the order of the network: four bytes, or sixteen. @throws for what is none. */
export function ipBytes(text: string): Uint8Array {
  const bits = parseIp(text);
  if (bits === undefined) throw new Error(`'${text}' is no IP address`);
  return Uint8Array.from(bits.flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255)));
}

/** A network, ready to be asked. */
export class IpRange {
  readonly bits: IpBits;
  readonly prefixLength: number;

  /** @throws when the address is none: the configuration is checked before. */
  constructor({ address, prefixLength }: CidrRange) {
    const bits = parseIp(address);
    if (bits === undefined) throw new Error(`'${address}' is no IP address`);
    this.bits = bits;
    this.prefixLength = Math.min(prefixLength, bits.length * 32);
  }

  has(ip: IpBits): boolean {
    if (ip.length !== this.bits.length) return false;
    let left = this.prefixLength;
    for (let i = 0; left > 0; i++, left -= 32) {
      const shift = left >= 32 ? 0 : 32 - left;
      if ((ip[i] ^ this.bits[i]) >>> shift !== 0) return false;
    }
    return true;
  }

  toString(): string {
    const text =
      this.bits.length === 1
        ? [24, 16, 8, 0].map((shift) => (this.bits[0] >>> shift) & 255).join('.')
        : this.bits
            .flatMap((word) => [(word / 65_536) & 65_535, word & 65_535].map((part) => part.toString(16)))
            .join(':');
    return `${text}/${this.prefixLength}`;
  }
}

const LOOPBACK = 0x7f000001;

/** 127.0.0.1 and ::1: to Envoy the rest of 127.0.0.0/8 is as any other address. */
export function isLoopback(ip: IpBits): boolean {
  if (ip.length === 1) return ip[0] >>> 0 === LOOPBACK;
  return ip[0] === 0 && ip[1] === 0 && ip[2] === 0 && ip[3] === 1;
}

export function sameIp(a: IpBits, b: IpBits): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}
