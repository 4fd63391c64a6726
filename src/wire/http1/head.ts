/**
 * Request and status lines with their header sections (RFC 9112, sections 3 and 4). A head is read in one pass where it stands in one
 * buffer, and becomes one string.
 */
import type { Headers } from '#wire/headers.ts';
import { CR, LF, SP, TARGET, TOKEN } from '#wire/http1/characters.ts';
import { parseFields } from '#wire/http1/fields.ts';
import { INCOMPLETE, ParseError } from '#wire/http1/parse-error.ts';

/** The methods that HTTP registers; others are refused, as Envoy does unless custom methods are allowed. */
const METHODS = new Set(
  (
    'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST ' +
    'PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
);

const SLASH = 47;
const ASTERISK = 42;

export interface RequestHead {
  method: string;
  target: string;
  /** 1 for HTTP/1.1; 0 for HTTP/1.0, and for every other version, which is treated as that. */
  minor: number;
  headers: Headers;
}

export interface ResponseHead {
  status: number;
  reason: string;
  minor: number;
  headers: Headers;
}

/**
 * Reads a request's head into `head`.
 * @param customMethods any token is a method
 * @returns the position after it, INCOMPLETE, or a ParseError
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  head: RequestHead,
  maxFields: number,
  customMethods: boolean,
): number {
  let pos = start;
  while (pos < end && TOKEN[bytes[pos]] !== 0) pos++;
  if (pos >= end) return pos - start > 32 && !customMethods ? ParseError.BadMethod : INCOMPLETE;
  if (bytes[pos] !== SP || pos === start) return ParseError.BadMethod;
  const methodEnd = pos++;
  while (pos < end && TARGET[bytes[pos]] === 1) pos++;
  if (pos >= end) return INCOMPLETE;
  const targetEnd = pos;
  if (targetEnd === methodEnd + 1) return ParseError.BadTarget;
  let after = 0;
  if (bytes[pos] === SP) {
    const minor = version(bytes, ++pos, end);
    if (minor < 0 && minor !== ParseError.OldVersion) return minor;
    head.minor = minor === 1 ? 1 : 0;
    pos += 8;
    if (pos + 1 >= end) return pos < end && bytes[pos] !== CR ? lineEnd(bytes[pos]) : INCOMPLETE;
    if (bytes[pos] !== CR) return lineEnd(bytes[pos]);
    if (bytes[pos + 1] !== LF) return ParseError.BareCarriageReturn;
    after = parseFields(bytes, pos + 2, end, start, head.headers, maxFields);
  } else {
    if (bytes[methodEnd + 1] !== SLASH && bytes[methodEnd + 1] !== ASTERISK) return ParseError.BadTarget;
    head.minor = 0;
    after = endOfOldest(bytes, pos, end);
  }
  if (after < 0) return after;
  const text = bytes.latin1Slice(start, after);
  head.headers.text = text;
  head.method = text.slice(0, methodEnd - start);
  if (!METHODS.has(head.method) && !customMethods) return ParseError.BadMethod;
  head.target = text.slice(methodEnd - start + 1, targetEnd - start);
  return after;
}

/** A method and a target alone are a whole request of HTTP/0.9. @returns the position after it, INCOMPLETE, or a ParseError */
function endOfOldest(bytes: Buffer, pos: number, end: number): number {
  if (bytes[pos] !== CR) return ParseError.BadTarget;
  if (pos + 1 >= end) return INCOMPLETE;
  return bytes[pos + 1] === LF ? pos + 2 : ParseError.BareCarriageReturn;
}

/** Reads a response's head into `head`. @returns the position after it, INCOMPLETE, or a ParseError */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  head: ResponseHead,
  maxFields: number,
): number {
  const minor = version(bytes, start, end);
  if (minor < 0) return minor === INCOMPLETE ? minor : ParseError.BadStatusLine;
  if (start + 12 >= end) return INCOMPLETE;
  const status = (bytes[start + 9] - 48) * 100 + (bytes[start + 10] - 48) * 10 + bytes[start + 11] - 48;
  let pos = start + 12;
  for (let i = start + 9; i < pos; i++) if (bytes[i] < 48 || bytes[i] > 57) return ParseError.BadStatusLine;
  if (bytes[start + 8] !== SP || status < 100 || (bytes[pos] !== SP && bytes[pos] !== CR))
    return ParseError.BadStatusLine;
  const reasonStart = pos;
  while (pos < end && bytes[pos] !== CR && bytes[pos] !== LF) pos++;
  if (pos + 1 >= end) return INCOMPLETE;
  if (bytes[pos] !== CR) return ParseError.BareLineFeed;
  if (bytes[pos + 1] !== LF) return ParseError.BareCarriageReturn;
  const reasonEnd = pos;
  const after = parseFields(bytes, pos + 2, end, start, head.headers, maxFields);
  if (after < 0) return after;
  const text = bytes.latin1Slice(start, after);
  head.headers.text = text;
  head.status = status;
  head.reason = text.slice(reasonStart - start + 1, reasonEnd - start);
  head.minor = minor;
  return after;
}

/** Reads `HTTP/1.x` at `pos`. @returns x, INCOMPLETE, OldVersion for a version that is not ours, or BadVersion */
function version(bytes: Uint8Array, pos: number, end: number): number {
  const name = 'HTTP/1.';
  for (let i = 0; i < 7; i++) {
    if (pos + i >= end) return INCOMPLETE;
    if (bytes[pos + i] !== name.charCodeAt(i) && (i !== 5 || !isDigit(bytes[pos + i]))) return ParseError.BadVersion;
  }
  if (pos + 7 >= end) return INCOMPLETE;
  const minor = bytes[pos + 7] - 48;
  if (bytes[pos + 5] === 49 && (minor === 0 || minor === 1)) return minor;
  return isDigit(bytes[pos + 7]) ? ParseError.OldVersion : ParseError.BadVersion;
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

function lineEnd(c: number): number {
  return c === LF ? ParseError.BareLineFeed : ParseError.BadVersion;
}
