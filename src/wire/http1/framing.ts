/**
 * How long a message's body is, and whether its connection lives on, by its header fields (RFC 9112, sections 6.3 and 9.3).
 */
import type { Headers } from '#wire/headers.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { Known } from '#wire/known-headers.ts';

/** `framing` results: a length from 0 up, or one of these. */
export const CHUNKED = -100;
export const NO_LENGTH = -101;

/**
 * Decides a message's framing. Ambiguous framing is refused: two lengths, a length with chunked, any coding but chunked.
 * @param allowChunkedLength with chunked, drop content-length instead of refusing (http_protocol_options.allow_chunked_length)
 * @returns the body's length, CHUNKED, NO_LENGTH, or a ParseError
 */
export function framing(headers: Headers, allowChunkedLength: boolean): number {
  const lengthAt = headers.known[Known['content-length']];
  const codingAt = headers.known[Known['transfer-encoding']];
  if (codingAt < 0) {
    if (lengthAt < 0) return NO_LENGTH;
    if (headers.repeated && headers.all('content-length').length > 1) return ParseError.BadContentLength;
    return contentLength(headers.valueAt(lengthAt));
  }
  if (headers.repeated && headers.all('transfer-encoding').length > 1) return ParseError.BadTransferEncoding;
  if (headers.valueAt(codingAt).toLowerCase() !== 'chunked') return ParseError.BadTransferEncoding;
  if (lengthAt >= 0) {
    if (!allowChunkedLength) return ParseError.LengthAndChunked;
    headers.removeKnown(Known['content-length']);
  }
  return CHUNKED;
}

function contentLength(value: string): number {
  const digits = value.length;
  if (digits === 0 || digits > 15) return ParseError.BadContentLength;
  let length = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return ParseError.BadContentLength;
    length = length * 10 + digit;
  }
  return length;
}

/** What the Connection field asks for. */
export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
  /** Other names, lower case: fields that belong to this connection alone (RFC 9110, section 7.6.1). */
  nominated: readonly string[];
}

const nothing: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, nominated: [] };
const keepAlive: ConnectionOptions = { ...nothing, keepAlive: true };
const close: ConnectionOptions = { ...nothing, close: true };

/** Reads every Connection field of a head. */
export function connectionOptions(headers: Headers): ConnectionOptions {
  const at = headers.known[Known.connection];
  if (at < 0) return nothing;
  const value = headers.repeated ? (headers.joined('connection') as string) : headers.valueAt(at);
  if (value === 'keep-alive' || value === 'Keep-Alive') return keepAlive;
  if (value === 'close') return close;
  const options = { close: false, keepAlive: false, upgrade: false, nominated: [] as string[] };
  for (const part of value.split(',')) {
    const token = part.trim().toLowerCase();
    if (token === 'close') options.close = true;
    else if (token === 'keep-alive') options.keepAlive = true;
    else if (token === 'upgrade') options.upgrade = true;
    else if (token !== '') options.nominated.push(token);
  }
  return options;
}
