/**
 * Certificates out of PEM text (RFC 7468).
 */
import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** All certificates of the text, in order. @throws where one cannot be parsed. */
export function certificatesOf(pem: string): X509Certificate[] {
  return (pem.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
}
