/**
 * The chain of certificates that a peer showed, and what is wrong with it in Envoy's words (those of BoringSSL's X509_verify_cert).
 */
import type { X509Certificate } from 'node:crypto';

/** Texts that BoringSSL has otherwise than OpenSSL, by Node's codes. */
const TEXTS: Record<string, string> = {
  CERT_REVOKED: 'certificate revocation check against provided CRLs failed: certificate revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self signed certificate in certificate chain',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to get local issuer certificate',
};

/** More than any real chain has: a loop ends here. */
const LONGEST = 32;

/** The certificate and its issuers, as far as they are known. */
export function chainOf(certificate: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let link: X509Certificate | undefined = certificate;
  for (; link !== undefined && chain.length < LONGEST; link = link.issuerCertificate) {
    if (chain.some((seen) => seen.fingerprint256 === link?.fingerprint256)) break;
    chain.push(link);
  }
  return chain;
}

/** @param error what Node reports of the chain. */
export function chainProblem(certificate: X509Certificate, error: NodeJS.ErrnoException): string {
  const text = TEXTS[error.code ?? ''] ?? error.message;
  return verificationError(depthOf(certificate, error.code), text);
}

/** Of a chain that leads to none of those that count, or not near enough. */
export function unknownIssuer(depth = 0): string {
  return verificationError(depth, TEXTS.UNABLE_TO_VERIFY_LEAF_SIGNATURE);
}

export function verificationError(depth: number, text: string): string {
  return `X509_verify_cert: certificate verification error at depth ${depth}: ${text}`;
}

/** Which certificate of the chain the problem is with. */
function depthOf(certificate: X509Certificate, code: string | undefined): number {
  const chain = chainOf(certificate);
  const first = (is: (link: X509Certificate) => boolean) => Math.max(0, chain.findIndex(is));
  const now = Date.now();
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return first((link) => link.validToDate.getTime() < now);
    case 'CERT_NOT_YET_VALID':
      return first((link) => link.validFromDate.getTime() > now);
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return chain.length - 1;
    default:
      return 0;
  }
}

/** Whether signatures lead from the certificate to one of the authorities, whatever the time. */
export function leadsTo(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  return linksTo(certificate, authorities) !== undefined;
}

/** @returns how many signatures lead from the certificate to the nearest of the authorities; undefined: none does */
export function linksTo(certificate: X509Certificate, authorities: readonly X509Certificate[]): number | undefined {
  for (const [links, link] of chainOf(certificate).entries()) {
    if (authorities.some((authority) => authority.fingerprint256 === link.fingerprint256)) return links;
    const isSigner = (authority: X509Certificate) =>
      authority.ca && link.checkIssued(authority) && link.verify(authority.publicKey);
    if (authorities.some(isSigner)) return links + 1;
    const issuer = link.issuerCertificate;
    if (issuer === undefined || !issuer.ca || !link.verify(issuer.publicKey)) return undefined;
  }
  return undefined;
}
