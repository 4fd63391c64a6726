/**
 * The header section of an HTTP/1 message (RFC 9112, section 5): one pass over the bytes that checks each against a table and notes
 * offsets. Nothing is made per header; see headers.ts for what becomes of the offsets.
 */
import type { Headers } from '#wire/headers.ts';
import { COLON, CR, LF, SP, TAB, TOKEN, VALUE } from '#wire/http1/characters.ts';
import { INCOMPLETE, ParseError } from '#wire/http1/parse-error.ts';
import { KNOWN, knownByHash } from '#wire/known-headers.ts';

/**
 * Reads header lines from `pos` to the empty line.
 * @param base where the text begins that `headers` will point into: offsets are relative to it
 * @returns the position after the empty line, INCOMPLETE, or a ParseError
 */
export function parseFields(
  bytes: Uint8Array,
  pos: number,
  end: number,
  base: number,
  headers: Headers,
  maxFields: number,
): number {
  for (;;) {
    if (pos >= end) return INCOMPLETE;
    let c = bytes[pos];
    if (c === CR) {
      if (pos + 1 >= end) return INCOMPLETE;
      return bytes[pos + 1] === LF ? pos + 2 : ParseError.BareCarriageReturn;
    }
    const nameStart = pos;
    let hash = 0;
    let upper = 0;
    for (;;) {
      const lower = TOKEN[c];
      if (lower === 0) break;
      hash = (Math.imul(hash, 31) + lower) | 0;
      upper |= c ^ lower;
      if (++pos >= end) return INCOMPLETE;
      c = bytes[pos];
    }
    if (c !== COLON || pos === nameStart) return c === LF ? ParseError.BareLineFeed : ParseError.BadFieldName;
    const nameEnd = pos++;
    while (pos < end && (bytes[pos] === SP || bytes[pos] === TAB)) pos++;
    const valueStart = pos;
    while (pos < end && VALUE[bytes[pos]] === 1) pos++;
    if (pos + 1 >= end) {
      return pos < end && bytes[pos] !== CR ? badValueByte(bytes[pos]) : INCOMPLETE;
    }
    if (bytes[pos] !== CR) return badValueByte(bytes[pos]);
    if (bytes[pos + 1] !== LF) return ParseError.BareCarriageReturn;
    let valueEnd = pos;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === TAB)) valueEnd--;
    const plain = upper === 0 && valueEnd === pos && valueStart === nameEnd + 2 && bytes[nameEnd + 1] === SP ? 1 : 0;
    let id = knownByHash(hash, nameEnd - nameStart);
    if (id !== 0 && !sameBytes(bytes, nameStart, KNOWN[id])) id = 0;
    if (headers.count >= maxFields) return ParseError.TooManyFields;
    headers.push(id, nameStart - base, nameEnd - base, valueStart - base, valueEnd - base, plain);
    pos += 2;
  }
}

function badValueByte(c: number): number {
  return c === LF ? ParseError.BareLineFeed : ParseError.BadFieldValue;
}

function sameBytes(bytes: Uint8Array, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (TOKEN[bytes[start + i]] !== name.charCodeAt(i)) return false;
  }
  return true;
}
