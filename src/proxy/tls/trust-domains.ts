/**
 * The authorities of SPIFFE trust domains, and which of them may have signed a certificate.
 * Follows Envoy's SPIFFEValidator and https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
 */
import type { X509Certificate } from 'node:crypto';
import type { TrustDomain } from '#config/model/tls.ts';
import { maySignOthers } from '#proxy/tls/certificate-extensions.ts';
import { certificatesOf } from '#proxy/tls/pem.ts';
import { subjectAltNames } from '#proxy/tls/subject-alt-names.ts';

export class TrustDomains {
  private readonly bundles: ReadonlyMap<string, readonly X509Certificate[]>;

  constructor(domains: readonly TrustDomain[]) {
    this.bundles = new Map(domains.map(({ name, bundle }) => [name, certificatesOf(bundle.pem)]));
  }

  /** @returns undefined where the certificate is of no domain that is known. */
  authoritiesFor(certificate: X509Certificate): readonly X509Certificate[] | undefined {
    return this.bundles.get(trustDomainOf(subjectAltNames(certificate).uri[0] ?? ''));
  }
}

/** Whether the certificate is one that stands at the end of a chain (section 5.2). */
export function isWorkload(certificate: X509Certificate): boolean {
  return !certificate.ca && !maySignOthers(certificate);
}

/** `a.test` of `spiffe://a.test/ns/x`; empty where it is none. */
function trustDomainOf(uri: string): string {
  return /^spiffe:\/\/([^/]*)\//.exec(uri)?.[1] ?? '';
}
