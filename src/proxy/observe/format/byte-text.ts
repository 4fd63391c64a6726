/**
 * Text as bytes. Header values are strings of one character a byte, as they came off the wire; names and texts of the configuration are not.
 * What is formatted is a string of bytes throughout, so that it is written as latin1 and lengths are cut as Envoy cuts them.
 */

const NOT_ASCII = /[\x80-\uffff]/;

/** @returns the UTF-8 bytes of `text`, one character each; the same string where it is ASCII. */
export function toByteText(text: string): string {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** @returns the text that the bytes spell in UTF-8; undefined where they are not UTF-8. */
export function fromByteText(bytes: string): string | undefined {
  if (!NOT_ASCII.test(bytes)) return bytes;
  try {
    return strictUtf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return undefined;
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
