/**
 * How long an OCSP response is good for. Follows RFC 6960, section 4.2.1; encoded as X.690 says (DER).
 */

import { DER, DER_CONTEXT_0, derTime, derElements as elements } from '#base/der.ts';

/** @returns nextUpdate of the first answer in milliseconds since the epoch; undefined where there is none, or it cannot be read. */
export function ocspNextUpdate(response: Uint8Array): number | undefined {
  // OCSPResponse { status, [0] ResponseBytes { type, OCTET STRING of BasicOCSPResponse } }
  const bytes = elements(elements(response)[0]?.content).find(({ tag }) => tag === DER_CONTEXT_0);
  const basic = elements(elements(bytes?.content)[0]?.content).find(({ tag }) => tag === DER.octetString);
  // BasicOCSPResponse { ResponseData { [0] version?, responder, producedAt, SEQUENCE OF SingleResponse } }
  const data = elements(elements(elements(basic?.content)[0]?.content)[0]?.content);
  const answers = data.filter(({ tag }) => tag === DER.sequence)[0];
  // SingleResponse { certificate, status, thisUpdate, [0] nextUpdate? }
  const answer = elements(elements(answers?.content)[0]?.content);
  const next = answer.slice(2).find(({ tag }) => tag === DER_CONTEXT_0);
  const time = elements(next?.content)[0];
  return time === undefined ? undefined : derTime(time);
}
