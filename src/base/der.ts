/**
 * Reads the elements of DER, the encoding of certificates and OCSP responses. Follows ITU-T X.690, sections 8.1 and 10.
 */

export interface DerElement {
  tag: number;
  content: Uint8Array;
}

/** Tags of the universal class, as their byte stands in the encoding. */
export const DER = {
  integer: 0x02,
  octetString: 0x04,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;
/** The tag of a constructed element of the context's class with number 0. */
export const DER_CONTEXT_0 = 0xa0;

/** The elements that follow each other in the bytes, as far as they are whole; none of no bytes. */
export function derElements(bytes: Uint8Array | undefined): DerElement[] {
  const found: DerElement[] = [];
  if (bytes === undefined) return found;
  let at = 0;
  while (at + 2 <= bytes.length) {
    const tag = bytes[at];
    let length = bytes[at + 1];
    at += 2;
    if (length > 0x80) {
      const digits = length - 0x80;
      if (digits > 4 || at + digits > bytes.length) break;
      length = 0;
      for (let i = 0; i < digits; i++) length = length * 256 + bytes[at + i];
      at += digits;
    }
    if (at + length > bytes.length) break;
    found.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}
