/**
 * What Node does not tell of a certificate: its extensions as they are encoded. Follows RFC 5280, section 4.
 */
import type { X509Certificate } from 'node:crypto';
import { DER, derElements, objectIdentifierText } from '#base/der.ts';

/** The tag of TBSCertificate.extensions. */
const EXTENSIONS = 0xa3;
const SUBJECT_ALT_NAME = '2.5.29.17';
const KEY_USAGE = '2.5.29.15';
/** The tag of GeneralName.otherName, and of the value in it. */
const OTHER_NAME = 0xa0;
/** Bits of KeyUsage, the first one 0. */
const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;
const TRUE = 0xff;

/** A name of a kind of its own: whose form it has, and its value as text. */
export interface OtherName {
  oid: string;
  value: string;
}

/** The value of the certificate's extension; undefined: it has none. */
function extensionValue(certificate: X509Certificate, oid: string): Uint8Array | undefined {
  const tbs = derElements(derElements(certificate.raw)[0]?.content)[0];
  const list = derElements(tbs?.content).find(({ tag }) => tag === EXTENSIONS);
  for (const { content } of derElements(derElements(list?.content)[0]?.content)) {
    const parts = derElements(content);
    if (parts[0]?.tag !== DER.objectIdentifier || objectIdentifierText(parts[0].content) !== oid) continue;
    return parts.at(-1)?.content;
  }
  return undefined;
}

export function otherNames(certificate: X509Certificate): OtherName[] {
  const names = derElements(derElements(extensionValue(certificate, SUBJECT_ALT_NAME))[0]?.content);
  return names.flatMap(({ tag, content }) => {
    if (tag !== OTHER_NAME) return [];
    const [oid, wrapped] = derElements(content);
    const value = derElements(wrapped?.content)[0];
    return oid === undefined || value === undefined
      ? []
      : [{ oid: objectIdentifierText(oid.content), value: textOf(value) }];
  });
}

/** Numbers in decimal, truth as a word, object identifiers with dots; anything else as its bytes are. */
function textOf({ tag, content }: { tag: number; content: Uint8Array }): string {
  switch (tag) {
    case DER.boolean:
      return content[0] === TRUE ? 'true' : 'false';
    case DER.integer:
    case DER.enumerated:
      return BigInt.asIntN(content.length * 8, BigInt(`0x${Buffer.from(content).toString('hex') || '0'}`)).toString();
    case DER.objectIdentifier:
      return objectIdentifierText(content);
    case DER.bitString:
      return Buffer.from(content.subarray(1)).toString('utf8');
    default:
      return Buffer.from(content).toString('utf8');
  }
}

/** Whether the certificate's key may sign certificates or revocation lists: where no key usage is given, it may do anything. */
export function maySignOthers(certificate: X509Certificate): boolean {
  const bits = derElements(extensionValue(certificate, KEY_USAGE))[0]?.content;
  if (bits === undefined) return true;
  const isSet = (bit: number) => ((bits[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
  return isSet(KEY_CERT_SIGN) || isSet(CRL_SIGN);
}
