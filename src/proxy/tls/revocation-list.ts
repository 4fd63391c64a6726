/**
 * Whether a certificate is revoked, where the lists count for it alone and not for its issuers (only_verify_leaf_cert_crl): OpenSSL, as Node
 * has it, knows only the whole chain. Follows RFC 5280, section 5.
 */
import { verify, type X509Certificate } from 'node:crypto';
import { DER, type DerElement, derElements, derTime, objectIdentifierText } from '#base/der.ts';

const LIST = /-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g;

/** Digests of the signatures that lists have, by algorithm (RFC 4055, RFC 5758); null: the key says it (RFC 8410). */
const DIGESTS: Record<string, string | null> = {
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

export interface RevocationList {
  /** The issuer's name as it is encoded, in hexadecimal. */
  issuer: string;
  thisUpdate: number;
  /** Infinite where the list does not say. */
  nextUpdate: number;
  /** Serial numbers in lower-case hexadecimal without leading zeros. */
  revoked: ReadonlySet<string>;
  signed: Uint8Array;
  algorithm: string;
  signature: Uint8Array;
}

/** The lists of a PEM text; what is none is passed over. */
export function parseRevocationLists(pem: string): RevocationList[] {
  return [...pem.matchAll(LIST)].flatMap(([, base64]) => parse(Buffer.from(base64, 'base64')) ?? []);
}

/** CertificateList { TBSCertList { version?, algorithm, issuer, thisUpdate, nextUpdate?, revoked?, [0] }, algorithm, signature } */
function parse(bytes: Uint8Array): RevocationList | undefined {
  const [tbs, algorithm, signature] = derElements(derElements(bytes)[0]?.content);
  if (tbs === undefined || algorithm === undefined || signature === undefined) return undefined;
  const fields = derElements(tbs.content);
  if (fields[0]?.tag === DER.integer) fields.shift();
  const [, issuer, thisUpdate, ...rest] = fields;
  if (issuer === undefined || thisUpdate === undefined) return undefined;
  const isTime = ({ tag }: DerElement) => tag === DER.utcTime || tag === DER.generalizedTime;
  const nextUpdate = rest.find(isTime);
  const entries = rest.find(({ tag }) => tag === DER.sequence);
  return {
    issuer: Buffer.from(issuer.whole).toString('hex'),
    thisUpdate: derTime(thisUpdate) ?? Number.POSITIVE_INFINITY,
    nextUpdate: nextUpdate === undefined ? Number.POSITIVE_INFINITY : (derTime(nextUpdate) ?? 0),
    revoked: new Set(derElements(entries?.content).map(({ content }) => serial(derElements(content)[0]?.content))),
    signed: tbs.whole,
    algorithm: objectIdentifierText(derElements(algorithm.content)[0]?.content ?? new Uint8Array()),
    signature: signature.content.subarray(1),
  };
}

function serial(content: Uint8Array = new Uint8Array()): string {
  return Buffer.from(content).toString('hex').replace(/^0+/, '');
}

/**
 * @param issuer of the certificate. @param now milliseconds since the epoch.
 * @returns what is wrong, in BoringSSL's words; empty: nothing.
 */
export function revocationProblem(
  certificate: X509Certificate,
  issuer: X509Certificate,
  lists: readonly RevocationList[],
  now: number,
): string {
  const name = issuerName(certificate);
  const list = lists.find((one) => one.issuer === name);
  if (list === undefined) return 'unable to get certificate CRL';
  if (list.thisUpdate > now) return 'CRL is not yet valid';
  if (list.nextUpdate < now) return 'CRL has expired';
  if (!isSigned(list, issuer)) return 'CRL signature failure';
  const number = certificate.serialNumber.toLowerCase().replace(/^0+/, '');
  return list.revoked.has(number) ? 'certificate revoked' : '';
}

/** TBSCertificate { [0] version?, serial number, algorithm, issuer, ... } */
function issuerName(certificate: X509Certificate): string {
  const fields = derElements(derElements(derElements(certificate.raw)[0]?.content)[0]?.content);
  const first = fields.findIndex(({ tag }) => tag === DER.integer);
  return Buffer.from(fields[first + 2]?.whole ?? []).toString('hex');
}

function isSigned({ signed, signature, algorithm }: RevocationList, issuer: X509Certificate): boolean {
  const digest = DIGESTS[algorithm];
  return digest !== undefined && verify(digest, signed, issuer.publicKey, signature);
}
