/**
 * Values of the Redis protocol, and how they are written. Follows https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2).
 */

export type RespValue =
  | { kind: 'simple' | 'error'; text: string }
  /** Its digits. */
  | { kind: 'integer'; text: string }
  | { kind: 'bulk'; bytes: Buffer }
  /** The null string, as which a null array is handed on too. */
  | { kind: 'null' }
  | { kind: 'array'; items: RespValue[] };

const CRLF = '\r\n';

/** @returns the bytes that stand for the value */
export function encodeResp(value: RespValue): Buffer {
  const parts: Buffer[] = [];
  write(value, parts);
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function write(value: RespValue, parts: Buffer[]): void {
  switch (value.kind) {
    case 'simple':
      parts.push(Buffer.from(`+${value.text}${CRLF}`));
      return;
    case 'error':
      parts.push(Buffer.from(`-${value.text}${CRLF}`));
      return;
    case 'integer':
      parts.push(Buffer.from(`:${value.text}${CRLF}`));
      return;
    case 'null':
      parts.push(Buffer.from(`$-1${CRLF}`));
      return;
    case 'bulk':
      parts.push(Buffer.from(`$${value.bytes.length}${CRLF}`), value.bytes, Buffer.from(CRLF));
      return;
    case 'array':
      parts.push(Buffer.from(`*${value.items.length}${CRLF}`));
      for (const item of value.items) write(item, parts);
  }
}

/** A command as clients send it: an array of strings. */
export function encodeCommand(args: readonly (Buffer | string)[]): Buffer {
  const items = args.map(
    (arg): RespValue => ({ kind: 'bulk', bytes: typeof arg === 'string' ? Buffer.from(arg) : arg }),
  );
  return encodeResp({ kind: 'array', items });
}

export function errorReply(text: string): Buffer {
  return Buffer.from(`-${text}${CRLF}`);
}

export function simpleReply(text: string): Buffer {
  return Buffer.from(`+${text}${CRLF}`);
}

export function integerReply(value: number): Buffer {
  return Buffer.from(`:${value}${CRLF}`);
}

/** Reads a value that is known to be whole: what {@link RespReader} gave. */
export function parseResp(bytes: Buffer): RespValue {
  return new Parser(bytes).value();
}

/**
 * The strings of an array that is known to be a whole value, as views of its bytes: a command's name and arguments.
 * @returns undefined for an array that is empty or holds anything else, and for any other value
 */
export function commandArgs(bytes: Buffer): Buffer[] | undefined {
  if (bytes[0] !== 0x2a) return undefined;
  const args: Buffer[] = [];
  for (let at = bytes.indexOf(0x0a) + 1; at < bytes.length; ) {
    if (bytes[at] !== 0x24 || bytes[at + 1] === 0x2d) return undefined;
    let length = 0;
    for (at++; bytes[at] !== 0x0d; at++) length = length * 10 + bytes[at] - 0x30;
    args.push(bytes.subarray(at + 2, at + 2 + length));
    at += length + 4;
  }
  return args.length === 0 ? undefined : args;
}

class Parser {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  value(): RespValue {
    const type = this.bytes[this.at++];
    const text = this.line();
    switch (type) {
      case 0x2b:
        return { kind: 'simple', text };
      case 0x2d:
        return { kind: 'error', text };
      case 0x3a:
        return { kind: 'integer', text };
      case 0x24:
        return this.bulk(Number(text));
      default:
        return this.array(Number(text));
    }
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0d, this.at);
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 2;
    return text;
  }

  private bulk(length: number): RespValue {
    if (length < 0) return { kind: 'null' };
    const bytes = this.bytes.subarray(this.at, this.at + length);
    this.at += length + 2;
    return { kind: 'bulk', bytes };
  }

  private array(count: number): RespValue {
    if (count < 0) return { kind: 'null' };
    const items: RespValue[] = [];
    for (let i = 0; i < count; i++) items.push(this.value());
    return { kind: 'array', items };
  }
}
