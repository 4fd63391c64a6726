/**
 * Whether an OCSP response is good for stapling to a certificate, with Envoy's words where it is not.
 * Follows RFC 6960, section 4.2.1, and what Envoy checks when it reads `ocsp_staple`.
 */
import { DER, DER_CONTEXT_0, type DerElement, derElements } from '#base/der.ts';

const SUCCESSFUL = 0;
/** Of OCSPResponseStatus; 4 is not used. */
const STATUSES = [0, 1, 2, 3, 5, 6];
const NO_SINGLE_RESPONSE = 'Data contained more than a single OCSP response';
const NO_STATUS = 'OCSP ResponseStatus is not a well-formed ASN.1 ENUMERATED';
const NO_BYTES = 'OCSP ResponseBytes is not a well-formed SEQUENCE';

/**
 * @param serial of the certificate, in hexadecimal without leading zeros.
 * @returns what is wrong; empty: nothing.
 */
export function stapleProblem(response: Uint8Array, serial: string): string {
  const outer = derElements(response);
  if (outer.length !== 1 || outer[0].tag !== DER.sequence || !isWhole(response, outer[0])) return NO_SINGLE_RESPONSE;
  const [status, body] = derElements(outer[0].content);
  if (status?.tag !== DER.enumerated || status.content.length !== 1) return NO_STATUS;
  if (!STATUSES.includes(status.content[0])) return `Unknown OCSP Response Status variant: ${status.content[0]}`;
  if (status.content[0] !== SUCCESSFUL) return 'OCSP response was unsuccessful';
  if (body === undefined) return 'OCSP response has no body';
  const answers = answersOf(body);
  if (answers === undefined) return NO_BYTES;
  if (answers.length !== 1) return 'OCSP Response must be for one certificate only';
  return serialOf(answers[0]) === serial ? '' : 'OCSP response does not match its TLS certificate';
}

/** Nothing stands behind the element. */
function isWhole(bytes: Uint8Array, { content }: DerElement): boolean {
  return content.byteOffset + content.length === bytes.byteOffset + bytes.length;
}

/** The SEQUENCE OF SingleResponse; undefined where the body has none. */
function answersOf(body: DerElement): DerElement[] | undefined {
  if (body.tag !== DER_CONTEXT_0) return undefined;
  // ResponseBytes { type, OCTET STRING of BasicOCSPResponse { ResponseData { [0] version?, responder, producedAt, answers } } }
  const basic = derElements(derElements(body.content)[0]?.content).find(({ tag }) => tag === DER.octetString);
  const data = derElements(derElements(derElements(basic?.content)[0]?.content)[0]?.content);
  const answers = data.find(({ tag }) => tag === DER.sequence);
  return answers === undefined ? undefined : derElements(answers.content);
}

/** SingleResponse { CertID { algorithm, name hash, key hash, serial number }, ... } */
function serialOf(answer: DerElement): string {
  const serial = derElements(derElements(answer.content)[0]?.content).find(({ tag }) => tag === DER.integer);
  return Buffer.from(serial?.content ?? [])
    .toString('hex')
    .replace(/^0+/, '');
}
