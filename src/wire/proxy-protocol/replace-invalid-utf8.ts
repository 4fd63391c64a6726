/**
 * Text out of bytes that may be anything: each byte that belongs to no character of UTF-8 becomes `!`, as Envoy writes it.
 * Follows RFC 3629, section 4.
 */
import { isUtf8 } from 'node:buffer';

export function replaceInvalidUtf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const character = bytes.subarray(at, at + lengthAt(bytes[at]));
    if (isUtf8(character)) {
      text += character.toString();
      at += character.length;
    } else {
      text += '!';
      at++;
    }
  }
  return text;
}

/** How many bytes a character takes that begins with this one. */
function lengthAt(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
