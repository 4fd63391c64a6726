/**
 * Reads the elements of DER, the encoding of certificates and OCSP responses. Follows ITU-T X.690, sections 8.1 and 10.
 */

export interface DerElement {
  tag: number;
  content: Uint8Array;
  /** The element as it stands, tag and length included. */
  whole: Uint8Array;
}

/** Tags of the universal class, as their byte stands in the encoding. */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
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
    const start = at;
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
    found.push({ tag, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) });
    at += length;
  }
  return found;
}

/** `1.3.6.1`, from the content of an object identifier (section 8.19). */
export function objectIdentifierText(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length > 0) arcs.push(arc);
    else arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    arc = 0;
  }
  return arcs.join('.');
}

/** Milliseconds since the epoch of a time as certificates have it (RFC 5280, section 4.1.2.5); undefined where it is none. */
export function derTime({ tag, content }: DerElement): number | undefined {
  const text = Buffer.from(content).toString('latin1');
  const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  const full = tag === DER.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  return Date.UTC(full, month - 1, day, hour, minute, second);
}
