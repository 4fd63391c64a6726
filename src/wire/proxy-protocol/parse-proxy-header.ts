/**
 * Reads what a proxy in front says of the client before the client's own bytes, in text (version 1) or in binary form (version 2).
 * Follows https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, and Envoy where that is silent or more generous.
 */
import { isIPv4, isIPv6 } from 'node:net';

export type ProxyVersion = 1 | 2;

/** An extension of version 2: a type and what it says. */
export interface Tlv {
  type: number;
  value: Buffer;
}

export interface ProxyEnd {
  address: string;
  port: number;
}

export interface ProxyHeader {
  kind: 'header';
  version: ProxyVersion;
  /** Both ends as the proxy knows them; undefined: the proxy speaks for itself (LOCAL, UNKNOWN), the connection's own ends hold. */
  ends: { source: ProxyEnd; destination: ProxyEnd } | undefined;
  tlvs: Tlv[];
  /** Bytes that the header took. */
  length: number;
}

export type ProxyHeaderResult =
  | ProxyHeader
  /** So far it may become one. */
  | { kind: 'incomplete' }
  /** No header begins like this. */
  | { kind: 'absent' }
  /** It begins like one of this version and is none. */
  | { kind: 'invalid'; version: ProxyVersion };

const V1_SIGNATURE = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
/** The longest line that Envoy takes, which is one more byte than the specification allows. */
const LONGEST_V1 = 108;
const V2_HEADER = 16;

const INCOMPLETE = { kind: 'incomplete' } as const;
const ABSENT = { kind: 'absent' } as const;
const INVALID_V1 = { kind: 'invalid', version: 1 } as const;
const INVALID_V2 = { kind: 'invalid', version: 2 } as const;

/** Whether the bytes begin as a header of that version does, as far as they go. */
export function mayBeProxyHeader(bytes: Buffer, version: ProxyVersion): boolean {
  const signature = version === 1 ? V1_SIGNATURE : V2_SIGNATURE;
  const compared = Math.min(bytes.length, signature.length);
  return signature.compare(bytes, 0, compared, 0, compared) === 0;
}

/**
 * Which version the header is of, as soon as there is enough of it: the line of version 1, the fixed part of version 2.
 * @param bytes all that came so far
 */
export function proxyHeaderVersion(bytes: Buffer): ProxyVersion | 'incomplete' | 'absent' | 'too_long' {
  if (bytes.length < V2_HEADER) {
    // A line break at the very beginning may be that of version 2.
    return bytes.indexOf('\r\n') > 0 ? 1 : 'incomplete';
  }
  if (mayBeProxyHeader(bytes, 2)) return 2;
  if (!mayBeProxyHeader(bytes, 1)) return 'absent';
  if (bytes.subarray(0, LONGEST_V1).includes('\r\n')) return 1;
  return bytes.length < LONGEST_V1 ? 'incomplete' : 'too_long';
}

/** @param bytes all that came so far */
export function parseProxyHeader(bytes: Buffer): ProxyHeaderResult {
  switch (proxyHeaderVersion(bytes)) {
    case 1:
      return parseV1(bytes);
    case 2:
      return parseV2(bytes);
    case 'incomplete':
      return INCOMPLETE;
    case 'absent':
      return ABSENT;
    case 'too_long':
      return INVALID_V1;
  }
}

function parseV1(bytes: Buffer): ProxyHeaderResult {
  const end = bytes.indexOf('\r\n');
  const [word, family, ...ends] = bytes.latin1Slice(0, end).trimEnd().split(' ');
  const header = { kind: 'header', version: 1, tlvs: [], length: end + 2 } as const;
  if (word !== 'PROXY') return INVALID_V1;
  if (family === 'UNKNOWN') return { ...header, tlvs: [], ends: undefined };
  if ((family !== 'TCP4' && family !== 'TCP6') || ends.length !== 4) return INVALID_V1;
  const source = end1(ends[0], ends[2], family);
  const destination = end1(ends[1], ends[3], family);
  if (source === undefined || destination === undefined) return INVALID_V1;
  return { ...header, tlvs: [], ends: { source, destination } };
}

function end1(address: string, port: string, family: 'TCP4' | 'TCP6'): ProxyEnd | undefined {
  if (!(family === 'TCP4' ? isIPv4(address) : isIPv6(address)) || !isUnicast(address)) return undefined;
  if (!/^[\t\v\f]*\+?[0-9]+[\t\v\f]*$/.test(port) || Number(port) > 65_535) return undefined;
  return { address: family === 'TCP4' ? address : shortest(address), port: Number(port) };
}

/** Address families of version 2, in the upper half of their byte, with what they take. */
const FAMILIES: Readonly<Record<number, { size: number }>> = { 1: { size: 12 }, 2: { size: 36 }, 3: { size: 216 } };
const STREAM = 1;
const DATAGRAM = 2;
const LOCAL = 0;
const PROXY = 1;

function parseV2(bytes: Buffer): ProxyHeaderResult {
  const command = bytes[12] & 15;
  if (bytes[12] >> 4 !== 2 || command > PROXY) return INVALID_V2;
  const length = V2_HEADER + bytes.readUInt16BE(14);
  if (command === LOCAL)
    return bytes.length < length ? INCOMPLETE : { kind: 'header', version: 2, ends: undefined, tlvs: [], length };
  const family = bytes[13] >> 4;
  const transport = bytes[13] & 15;
  const size = FAMILIES[family]?.size ?? Number.POSITIVE_INFINITY;
  if (length < V2_HEADER + size) return INVALID_V2;
  if (bytes.length < length) return INCOMPLETE;
  if (family === 3 || (transport !== STREAM && transport !== DATAGRAM)) return INVALID_V2;
  const tlvs = parseTlvs(bytes.subarray(V2_HEADER + size, length));
  const source = end2(bytes, family, 0);
  const destination = end2(bytes, family, 1);
  if (tlvs === undefined || !isUnicast(source.address) || !isUnicast(destination.address)) return INVALID_V2;
  return { kind: 'header', version: 2, ends: { source, destination }, tlvs, length };
}

function end2(bytes: Buffer, family: number, which: 0 | 1): ProxyEnd {
  const size = family === 1 ? 4 : 16;
  const from = V2_HEADER + which * size;
  const port = bytes.readUInt16BE(V2_HEADER + 2 * size + 2 * which);
  const raw = bytes.subarray(from, from + size);
  if (family === 1) return { address: raw.join('.'), port };
  const groups = Array.from({ length: 8 }, (_, i) => raw.readUInt16BE(2 * i).toString(16));
  return { address: shortest(groups.join(':')), port };
}

/** @returns undefined where they do not fill the bytes exactly. */
function parseTlvs(bytes: Buffer): Tlv[] | undefined {
  const tlvs: Tlv[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 3 > bytes.length) return undefined;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    tlvs.push({ type: bytes[at], value: Buffer.from(bytes.subarray(at + 3, end)) });
    at = end;
  }
  return tlvs;
}

/** Neither all nor none of the addresses, nor a group of them. */
function isUnicast(address: string): boolean {
  if (isIPv4(address)) {
    const first = Number(address.slice(0, address.indexOf('.')));
    return address !== '0.0.0.0' && address !== '255.255.255.255' && (first < 224 || first > 239);
  }
  return !/^ff/i.test(address) && shortest(address) !== '::';
}

/** An IPv6 address as the system writes it, with its zone. */
function shortest(address: string): string {
  const [bare, zone] = address.split('%');
  const short = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  const text = mapped === null ? short : `::ffff:${dotted(mapped[1])}.${dotted(mapped[2])}`;
  return zone === undefined ? text : `${text}%${zone}`;
}

function dotted(group: string): string {
  const word = Number.parseInt(group, 16);
  return `${word >> 8}.${word & 255}`;
}
