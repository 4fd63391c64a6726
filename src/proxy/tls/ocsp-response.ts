/**
 * How long an OCSP response is good for. Follows RFC 6960, section 4.2.1; encoded as X.690 says (DER).
 */

interface Element {
  tag: number;
  content: Uint8Array;
}

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const GENERALIZED_TIME = 0x18;
const FIRST_CONTEXT = 0xa0;

/** @returns nextUpdate of the first answer in milliseconds since the epoch; undefined where there is none, or it cannot be read. */
export function ocspNextUpdate(response: Uint8Array): number | undefined {
  // OCSPResponse { status, [0] ResponseBytes { type, OCTET STRING of BasicOCSPResponse } }
  const bytes = elements(elements(response)[0]?.content).find(({ tag }) => tag === FIRST_CONTEXT);
  const basic = elements(elements(bytes?.content)[0]?.content).find(({ tag }) => tag === OCTET_STRING);
  // BasicOCSPResponse { ResponseData { [0] version?, responder, producedAt, SEQUENCE OF SingleResponse } }
  const data = elements(elements(elements(basic?.content)[0]?.content)[0]?.content);
  const answers = data.filter(({ tag }) => tag === SEQUENCE)[0];
  // SingleResponse { certificate, status, thisUpdate, [0] nextUpdate? }
  const answer = elements(elements(answers?.content)[0]?.content);
  const next = answer.slice(2).find(({ tag }) => tag === FIRST_CONTEXT);
  const time = elements(next?.content)[0];
  return time?.tag === GENERALIZED_TIME ? timeOf(Buffer.from(time.content).toString('latin1')) : undefined;
}

/** `20260101120000Z` */
function timeOf(text: string): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** The elements that follow each other in the bytes; as far as they are whole. */
function elements(bytes: Uint8Array | undefined): Element[] {
  const found: Element[] = [];
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
