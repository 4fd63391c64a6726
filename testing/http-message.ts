/**
 * Reads HTTP/1 messages for tests, leniently and apart from the proxy's own codec: what is wrong on the wire must be seen,
 * not refused. Follows RFC 9112, section 6.3, for where a message ends.
 */

/** A message as it was on the wire. */
export interface HttpMessage {
  /** The request line or the status line. */
  startLine: string;
  /** Name and value as sent: case and order are kept. */
  headers: [name: string, value: string][];
  /** The body without its framing. */
  body: string;
  trailers: [name: string, value: string][];
  /** What said where the body ends. */
  framing: 'none' | 'length' | 'chunked' | 'close';
  /** The head's bytes, up to and with the empty line. */
  head: string;
  /** How many bytes of the input the message took. */
  size: number;
}

/** What the reader must know of the message besides its bytes. */
export interface Reading {
  kind: 'request' | 'response';
  /** The method that a response answers: one to HEAD has no body. */
  method?: string;
  /** The stream has ended after these bytes. */
  ended: boolean;
}

/** @returns the first message of the bytes, or undefined while it is not whole. */
export function readMessage(bytes: Buffer, reading: Reading): HttpMessage | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.latin1Slice(0, end + 4);
  const [startLine, ...lines] = head.slice(0, -4).split('\r\n');
  const message: HttpMessage = {
    startLine,
    headers: fields(lines),
    body: '',
    trailers: [],
    framing: 'none',
    head,
    size: head.length,
  };

  if (reading.kind === 'response' && hasNoBody(startLine, reading.method)) return message;
  if (/\bchunked\b/i.test(headerOf(message, 'transfer-encoding') ?? '')) return readChunked(bytes, message);
  const length = headerOf(message, 'content-length');
  if (length !== undefined) return readLength(bytes, message, Number(length));
  if (reading.kind === 'request') return message;
  if (!reading.ended) return undefined;
  message.framing = 'close';
  message.body = bytes.latin1Slice(message.size);
  message.size = bytes.length;
  return message;
}

/** @returns the value of a header, several joined as a list, or undefined. */
export function headerOf(message: Pick<HttpMessage, 'headers'>, name: string): string | undefined {
  const values = message.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

/** @returns the status of a response; 0 where its status line has none. */
export function statusOf(message: Pick<HttpMessage, 'startLine'>): number {
  return Number(/^HTTP\/\d\.\d (\d{3})/.exec(message.startLine)?.[1] ?? 0);
}

function hasNoBody(statusLine: string, method: string | undefined): boolean {
  const status = statusOf({ startLine: statusLine });
  return method === 'HEAD' || status === 204 || status === 304 || (status >= 100 && status < 200);
}

function fields(lines: string[]): [string, string][] {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

function readLength(bytes: Buffer, message: HttpMessage, length: number): HttpMessage | undefined {
  if (bytes.length < message.size + length) return undefined;
  message.framing = 'length';
  message.body = bytes.latin1Slice(message.size, message.size + length);
  message.size += length;
  return message;
}

function readChunked(bytes: Buffer, message: HttpMessage): HttpMessage | undefined {
  const pieces: string[] = [];
  let at = message.size;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.latin1Slice(at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0 || Number.isNaN(size)) break;
    if (bytes.length < at + size + 2) return undefined;
    pieces.push(bytes.latin1Slice(at, at + size));
    at += size + 2;
  }
  const trailers: string[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = bytes.latin1Slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === '') break;
    trailers.push(line);
  }
  return { ...message, framing: 'chunked', body: pieces.join(''), trailers: fields(trailers), size: at };
}
