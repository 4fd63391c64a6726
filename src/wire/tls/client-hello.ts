/**
 * Reads the first message of a TLS client, before any handshake: what it asks for and what it can do.
 * Follows RFC 8446, section 4.1.2 and RFC 5246, section 7.4.1.2; record layer: RFC 8446, section 5.1.
 */

/** What a client hello says. Numbers are those of the IANA registries, in the client's order. */
export interface ClientHello {
  kind: 'hello';
  /** The legacy version field, 0x0303 for TLS 1.2 and later. */
  version: number;
  /** The versions of the extension; empty where the client does not send it (TLS 1.2 and before). */
  supportedVersions: number[];
  cipherSuites: number[];
  compressionMethods: number[];
  /** Types of all extensions, also those not read here. */
  extensions: number[];
  /** As sent; empty where absent. */
  serverName: string;
  alpn: string[];
  supportedGroups: number[];
  keyShareGroups: number[];
  signatureAlgorithms: number[];
  pointFormats: number[];
  /** The client wants an OCSP response with the certificate. */
  statusRequest: boolean;
  /** How many bytes the hello took, records included. */
  length: number;
}

export type ClientHelloResult =
  | ClientHello
  /** So far it may become one. */
  | { kind: 'incomplete' }
  /** The first bytes are no handshake record. */
  | { kind: 'not_tls' }
  /** It began as TLS and broke the format, or a limit. */
  | { kind: 'invalid' };

export const Extension = {
  ServerName: 0,
  StatusRequest: 5,
  SupportedGroups: 10,
  PointFormats: 11,
  SignatureAlgorithms: 13,
  Alpn: 16,
  SupportedVersions: 43,
  KeyShare: 51,
} as const;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const HANDSHAKE_HEADER = 4;
/** RFC 8446, section 5.1: no record holds more plain text. */
const LARGEST_RECORD = 16_384;

/** As large as Envoy's TLS inspector lets it become. */
export const CLIENT_HELLO_LIMIT = 64 * 1024;

const INCOMPLETE = { kind: 'incomplete' } as const;
const NOT_TLS = { kind: 'not_tls' } as const;
const INVALID = { kind: 'invalid' } as const;

/** @param bytes all that came so far; @param limit the largest hello that is let pass */
export function parseClientHello(bytes: Uint8Array, limit = CLIENT_HELLO_LIMIT): ClientHelloResult {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return NOT_TLS;
  if (bytes.length > 1 && bytes[1] !== 3) return NOT_TLS;
  const message = handshakeMessage(bytes, limit);
  if (message.kind !== 'message') return message;
  try {
    return readHello(new Cursor(message.body), message.length);
  } catch (error) {
    if (error instanceof RangeError) return INVALID;
    throw error;
  }
}

/** The hello without its record headers, and the bytes that it took with them. */
interface Message {
  kind: 'message';
  body: Uint8Array;
  length: number;
}

/** Joins the records that the message is spread over. */
function handshakeMessage(bytes: Uint8Array, limit: number): Message | typeof INCOMPLETE | typeof INVALID {
  const parts: Uint8Array[] = [];
  let wanted = -1;
  let got = 0;
  let at = 0;
  while (at + RECORD_HEADER <= bytes.length) {
    const size = (bytes[at + 3] << 8) | bytes[at + 4];
    if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3 || size === 0 || size > LARGEST_RECORD) return INVALID;
    const part = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + size);
    parts.push(part);
    got += part.length;
    if (wanted < 0 && got >= HANDSHAKE_HEADER) {
      const header = joined(parts);
      if (header[0] !== CLIENT_HELLO) return INVALID;
      wanted = HANDSHAKE_HEADER + ((header[1] << 16) | (header[2] << 8) | header[3]);
      if (wanted > limit) return INVALID;
    }
    if (wanted >= 0 && got >= wanted) {
      const body = joined(parts).subarray(HANDSHAKE_HEADER, wanted);
      return { kind: 'message', body, length: at + RECORD_HEADER + part.length };
    }
    if (part.length < size) break;
    at += RECORD_HEADER + size;
  }
  return bytes.length > limit ? INVALID : INCOMPLETE;
}

function joined(parts: Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function readHello(cursor: Cursor, length: number): ClientHello {
  const hello: ClientHello = {
    kind: 'hello',
    version: cursor.uint16(),
    supportedVersions: [],
    cipherSuites: [],
    compressionMethods: [],
    extensions: [],
    serverName: '',
    alpn: [],
    supportedGroups: [],
    keyShareGroups: [],
    signatureAlgorithms: [],
    pointFormats: [],
    statusRequest: false,
    length,
  };
  cursor.skip(32);
  cursor.skip(cursor.uint8());
  hello.cipherSuites = cursor.vector16().all16();
  hello.compressionMethods = cursor.vector8().all8();
  // A client may end here: extensions came with TLS 1.2.
  if (cursor.ended) return hello;
  const extensions = cursor.vector16();
  if (!cursor.ended) throw new RangeError('bytes after the extensions');
  while (!extensions.ended) {
    const type = extensions.uint16();
    if (hello.extensions.includes(type)) throw new RangeError('an extension came twice');
    hello.extensions.push(type);
    readExtension(type, extensions.vector16(), hello);
  }
  return hello;
}

function readExtension(type: number, data: Cursor, hello: ClientHello): void {
  switch (type) {
    case Extension.ServerName:
      hello.serverName = serverName(data.vector16());
      return;
    case Extension.StatusRequest:
      hello.statusRequest = true;
      return;
    case Extension.SupportedGroups:
      hello.supportedGroups = data.vector16().all16();
      return;
    case Extension.PointFormats:
      hello.pointFormats = data.vector8().all8();
      return;
    case Extension.SignatureAlgorithms:
      hello.signatureAlgorithms = data.vector16().all16();
      return;
    case Extension.Alpn: {
      const names = data.vector16();
      while (!names.ended) hello.alpn.push(names.vector8().text());
      return;
    }
    case Extension.SupportedVersions:
      hello.supportedVersions = data.vector8().all16();
      return;
    case Extension.KeyShare: {
      const shares = data.vector16();
      while (!shares.ended) {
        hello.keyShareGroups.push(shares.uint16());
        shares.vector16();
      }
      return;
    }
  }
}

/** The first host name of the list (RFC 6066, section 3). */
function serverName(names: Cursor): string {
  while (!names.ended) {
    const type = names.uint8();
    const name = names.vector16();
    if (type === 0) return name.text();
  }
  return '';
}

/** Reads on through bytes; a RangeError where they end too early. */
class Cursor {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get ended(): boolean {
    return this.at === this.bytes.length;
  }

  uint8(): number {
    if (this.at >= this.bytes.length) throw new RangeError('too short');
    return this.bytes[this.at++];
  }

  uint16(): number {
    return (this.uint8() << 8) | this.uint8();
  }

  skip(count: number): void {
    if (this.at + count > this.bytes.length) throw new RangeError('too short');
    this.at += count;
  }

  /** What follows a length of one byte. */
  vector8(): Cursor {
    return this.take(this.uint8());
  }

  /** What follows a length of two bytes. */
  vector16(): Cursor {
    return this.take(this.uint16());
  }

  all8(): number[] {
    return Array.from(this.bytes);
  }

  all16(): number[] {
    const numbers: number[] = [];
    while (!this.ended) numbers.push(this.uint16());
    return numbers;
  }

  text(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).latin1Slice();
  }

  private take(count: number): Cursor {
    const from = this.at;
    this.skip(count);
    return new Cursor(this.bytes.subarray(from, this.at));
  }
}

/** Reserved values that clients mix in so that servers tolerate the unknown (RFC 8701). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}
