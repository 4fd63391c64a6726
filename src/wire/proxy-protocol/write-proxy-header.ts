/**
 * Headers of the PROXY protocol, versions 1 and 2.
 * Follows https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2
 */
import { isIPv6 } from 'node:net';
import type { ProxyEnd, Tlv } from '#wire/proxy-protocol/parse-proxy-header.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const VERSION_AND_LOCAL = 0x20;
const VERSION_AND_PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** What the length of a header's variable part has room for. */
const LONGEST = 0xffff;

export interface ProxyEnds {
  source: ProxyEnd;
  destination: ProxyEnd;
}

export function proxyHeaderV1({ source, destination }: ProxyEnds): Buffer {
  const family = isIPv6(source.address) || isIPv6(destination.address) ? 'TCP6' : 'TCP4';
  const text = `PROXY ${family} ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`;
  return Buffer.from(text, 'latin1');
}

/**
 * @param ends undefined: the proxy speaks for itself
 * @returns undefined where the TLVs have no room in it
 */
export function proxyHeaderV2(ends: ProxyEnds | undefined, tlvs: readonly Tlv[] = []): Buffer | undefined {
  if (ends === undefined) return Buffer.concat([SIGNATURE, Buffer.from([VERSION_AND_LOCAL, 0, 0, 0])]);
  const { source, destination } = ends;
  const family = isIPv6(source.address) || isIPv6(destination.address) ? TCP6 : TCP4;
  const bytesOf = family === TCP6 ? v6Bytes : v4Bytes;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const parts = [bytesOf(source.address), bytesOf(destination.address), ports];
  for (const { type, value } of tlvs) parts.push(Buffer.from([type, value.length >> 8, value.length & 0xff]), value);
  const variable = Buffer.concat(parts);
  if (variable.length > LONGEST) return undefined;
  const head = Buffer.from([VERSION_AND_PROXY, family, variable.length >> 8, variable.length & 0xff]);
  return Buffer.concat([SIGNATURE, head, variable]);
}

function v4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

/** An IPv4 address as one that is mapped (RFC 4291, section 2.5.5.2). */
function v6Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  const last = /(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (last === address) {
    bytes.fill(0xff, 10, 12);
    v4Bytes(address).copy(bytes, 12);
    return bytes;
  }
  const text = last === undefined ? address : address.replace(last, hexPairs(v4Bytes(last)));
  const [head, tail] = text.split('%')[0].split('::');
  const front = groups(head);
  const back = groups(tail ?? '');
  for (const [i, group] of front.entries()) bytes.writeUInt16BE(group, i * 2);
  for (const [i, group] of back.entries()) bytes.writeUInt16BE(group, 16 - (back.length - i) * 2);
  return bytes;
}

function hexPairs(bytes: Buffer): string {
  return `${bytes.toString('hex', 0, 2)}:${bytes.toString('hex', 2, 4)}`;
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
