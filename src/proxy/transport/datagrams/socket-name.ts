/**
 * Addresses in the system's own form. Follows https://man7.org/linux/man-pages/man3/sockaddr.3type.html
 */
import { isIPv4 } from 'node:net';

export const AF_INET = 2;
export const AF_INET6 = 10;
const IPV4_LENGTH = 16;
const IPV6_LENGTH = 28;

/** @param into at least 28 bytes, of which those after the name are left alone. @returns the length of the name */
export function writeSocketName(into: Buffer, address: string, port: number): number {
  const v4 = isIPv4(address);
  const length = v4 ? IPV4_LENGTH : IPV6_LENGTH;
  into.fill(0, 0, length);
  into.writeUInt16LE(v4 ? AF_INET : AF_INET6, 0);
  into.writeUInt16BE(port, 2);
  if (v4) {
    for (const [i, part] of address.split('.').entries()) into[4 + i] = Number(part);
    return length;
  }
  const [bare, zone] = address.split('%');
  writeIpv6(into.subarray(8, 24), bare);
  if (zone !== undefined && /^\d+$/.test(zone)) into.writeUInt32LE(Number(zone), 24);
  return length;
}

function writeIpv6(into: Buffer, address: string): void {
  const mapped = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  let text = address;
  if (mapped !== null) {
    const [a, b, c, d] = mapped.slice(2).map(Number);
    text = `${mapped[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [before, after] = text.split('::').map((part) => (part === '' ? [] : part.split(':')));
  for (const [i, group] of before.entries()) into.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  for (const [i, group] of (after ?? []).reverse().entries())
    into.writeUInt16BE(Number.parseInt(group, 16), 14 - i * 2);
}

/** @param name in the form that the system wrote */
export function readSocketName(name: Buffer): { address: string; port: number } {
  const port = name.readUInt16BE(2);
  if (name.readUInt16LE(0) === AF_INET) return { address: ipv4Text(name.subarray(4, 8)), port };
  return { address: ipv6Text(name.subarray(8, 24)), port };
}

export function ipv4Text(bytes: Buffer): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

/** As the kernel prints it: the longest run of zeros left out, an IPv4 address within in dots. */
export function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${ipv4Text(bytes.subarray(12))}`;
  }
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end - 1);
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}
