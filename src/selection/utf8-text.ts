/**
 * Header values and paths are held with one character a byte; regular expressions of RE2 see UTF-8. Bytes that are no UTF-8 become lone low
 * surrogates (0xDC80 and up), which no character class holds, so nothing matches them, as in RE2, and they survive the way back.
 */

/** @param bytes one character a byte. */
export function decodeUtf8(bytes: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const size = sequenceLength(bytes, i);
    if (size === 0) text += String.fromCharCode(0xdc00 + bytes.charCodeAt(i++));
    else {
      text += Buffer.from(bytes.slice(i, i + size), 'latin1').toString('utf8');
      i += size;
    }
  }
  return text;
}

/** The way back: one character a byte. */
export function encodeUtf8(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (character) => {
    const point = character.codePointAt(0) as number;
    if (point >= 0xdc80 && point <= 0xdcff) return String.fromCharCode(point - 0xdc00);
    return Buffer.from(character, 'utf8').toString('latin1');
  });
}

/** @returns how many bytes the well-formed sequence at `i` has (RFC 3629, section 4), or 0. */
function sequenceLength(bytes: string, i: number): number {
  const first = bytes.charCodeAt(i);
  if (first < 0x80) return 1;
  const size =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (size === 0 || i + size > bytes.length) return 0;
  for (let k = 1; k < size; k++) {
    const next = bytes.charCodeAt(i + k);
    if (next < 0x80 || next > 0xbf) return 0;
  }
  const second = bytes.charCodeAt(i + 1);
  const overlong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const outside = (first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f);
  return overlong || outside ? 0 : size;
}
