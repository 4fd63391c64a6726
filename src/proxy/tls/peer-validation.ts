/**
 * Judges the certificate that a peer showed: whether it leads to a trusted authority, has a wanted name, or is one of those pinned.
 * Follows extensions.transport_sockets.tls.v3.CertificateValidationContext and Envoy's DefaultCertValidator.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import type { SubjectAltNameMatcher, ValidationContext } from '#config/model/tls.ts';
import type { TlsStats } from '#proxy/observe/stats/tls-stats.ts';
import { chainProblem, leadsTo, linksTo, unknownIssuer, verificationError } from '#proxy/tls/certificate-chain.ts';
import { dnsNameMatches } from '#proxy/tls/dns-name.ts';
import { certificatesOf } from '#proxy/tls/pem.ts';
import { parseRevocationLists, type RevocationList, revocationProblem } from '#proxy/tls/revocation-list.ts';
import { type SubjectAltNames, subjectAltNames } from '#proxy/tls/subject-alt-names.ts';
import { isWorkload, TrustDomains } from '#proxy/tls/trust-domains.ts';
import { compileString } from '#selection/match-string.ts';

/** What came of it; `problem` is Envoy's text, empty where the peer is accepted. */
export interface Verdict {
  problem: string;
  /** Whether anything was verified at all. */
  validated: boolean;
}

/** A name that the certificate must have, and who says so. */
export interface ExpectedName {
  name: string;
  /** `context`: in place of the configured names (auto_sni_san_validation); `request`: besides them (auto_san_validation). */
  by: 'context' | 'request';
}

type Verification = 'trust' | 'san' | 'pin';

export class PeerValidation {
  /** A peer without a certificate is refused: names or pins are wanted. */
  readonly needsCertificate: boolean;
  /** There is something to verify, so a certificate is asked for. */
  readonly asks: boolean;
  private readonly config: ValidationContext | undefined;
  private readonly sanTests: ((names: SubjectAltNames) => boolean)[];
  private readonly hashes: Set<string>;
  private readonly spkis: Set<string>;
  private readonly stats: TlsStats;
  private readonly leafLists: RevocationList[] | undefined;
  private readonly trustDomains: TrustDomains | undefined;
  private trusted: readonly X509Certificate[] | undefined;

  constructor(config: ValidationContext | undefined, stats: TlsStats) {
    this.config = config;
    this.stats = stats;
    this.sanTests = (config?.matchSubjectAltNames ?? []).map(sanTest);
    this.hashes = new Set(config?.verifyCertificateHash.map((hash) => hash.replaceAll(':', '').toLowerCase()));
    this.spkis = new Set(config?.verifyCertificateSpki);
    this.needsCertificate = this.sanTests.length > 0 || this.hashes.size > 0 || this.spkis.size > 0;
    this.asks = this.needsCertificate || config?.trustedCa !== undefined || config?.trustDomains !== undefined;
    this.leafLists =
      config?.onlyVerifyLeafCrl && config.crl !== undefined ? parseRevocationLists(config.crl.pem) : undefined;
    this.trustDomains = config?.trustDomains && new TrustDomains(config.trustDomains);
  }

  /**
   * @param trustError what Node found wrong with the chain, or null.
   * @param expected a name that the certificate must have, besides or instead of what is configured.
   */
  verify(certificate: X509Certificate, trustError: NodeJS.ErrnoException | null, expected?: ExpectedName): Verdict {
    const { config } = this;
    const lenient = config?.trustChainVerification === 'ACCEPT_UNTRUSTED';
    let validated = false;
    if (config?.trustedCa !== undefined || config?.trustDomains !== undefined) {
      const problem = this.trustProblem(certificate, trustError);
      if (problem !== '') {
        this.stats.failVerifyError.inc();
        return lenient ? { problem: '', validated: false } : refused(problem);
      }
      validated = true;
    }
    const failed = this.nameOrPinProblem(certificate, expected);
    if (failed === undefined) {
      return { problem: '', validated: validated || this.needsCertificate || expected !== undefined };
    }
    this.count(failed.kind);
    return lenient ? { problem: '', validated: false } : refused(failed.problem);
  }

  private trustProblem(certificate: X509Certificate, error: NodeJS.ErrnoException | null): string {
    const { maxVerifyDepth } = this.config as ValidationContext;
    const authorities = this.trustDomains?.authoritiesFor(certificate) ?? this.authorities;
    if (this.trustDomains !== undefined) {
      if (!isWorkload(certificate)) return 'cert precheck';
      if (authorities.length === 0) return 'no trust bundle store';
      if (error === null && !leadsTo(certificate, authorities)) return unknownIssuer();
    }
    if (error !== null && !this.isExcused(certificate, error, authorities)) return chainProblem(certificate, error);
    const revoked = this.leafLists === undefined ? '' : this.revocation(certificate, this.leafLists);
    if (revoked !== '') return verificationError(0, revoked);
    // BoringSSL counts the authority too, and one that signed the certificate itself is always near enough.
    if (maxVerifyDepth !== undefined && (linksTo(certificate, authorities) ?? 0) > Math.max(1, maxVerifyDepth)) {
      return unknownIssuer(maxVerifyDepth);
    }
    return '';
  }

  /**
   * Whether time is all that is wrong, and does not matter. Node reports the time over anything else, so the chain is followed once more;
   * with a CRL in play nothing is excused.
   */
  private isExcused(
    certificate: X509Certificate,
    { code }: NodeJS.ErrnoException,
    authorities: readonly X509Certificate[],
  ): boolean {
    const { allowExpiredCertificate, crl } = this.config as ValidationContext;
    const isTime = code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID';
    return allowExpiredCertificate && isTime && crl === undefined && leadsTo(certificate, authorities);
  }

  private revocation(certificate: X509Certificate, lists: readonly RevocationList[]): string {
    const issuer =
      certificate.issuerCertificate ?? this.authorities.find((authority) => certificate.checkIssued(authority));
    // A certificate that is itself trusted has nobody who could revoke it.
    return issuer === undefined ? '' : revocationProblem(certificate, issuer, lists, Date.now());
  }

  private nameOrPinProblem(
    certificate: X509Certificate,
    expected: ExpectedName | undefined,
  ): { kind: Verification; problem: string } | undefined {
    if (expected !== undefined || this.sanTests.length > 0) {
      const names = subjectAltNames(certificate);
      const others = names.other.map(({ value }) => value);
      const shown = [...names.dns, ...names.uri, ...names.ip, ...names.email, ...others].join(', ');
      if (expected?.by === 'request' && !hasName(names, expected.name)) {
        return {
          kind: 'san',
          problem: `verify SAN list, expected SANs: [${expected.name}], certificate SANs: [${shown}]`,
        };
      }
      const fits =
        expected?.by === 'context'
          ? names.dns.some((name) => dnsNameMatches(expected.name, name))
          : this.sanTests.length === 0 || this.sanTests.some((test) => test(names));
      if (!fits) {
        return { kind: 'san', problem: `SAN matcher, certificate SANs are [${shown}]` };
      }
    }
    if (this.hashes.size === 0 && this.spkis.size === 0) return undefined;
    if (this.hashes.has(certificate.fingerprint256.replaceAll(':', '').toLowerCase())) return undefined;
    if (this.spkis.size > 0 && this.spkis.has(spkiHash(certificate))) return undefined;
    return { kind: 'pin', problem: 'cert hash and spki' };
  }

  private count(kind: Verification): void {
    if (kind === 'san') this.stats.failVerifySan.inc();
    else this.stats.failVerifyCertHash.inc();
  }

  private get authorities(): readonly X509Certificate[] {
    this.trusted ??= certificatesOf(this.config?.trustedCa?.pem ?? '');
    return this.trusted;
  }
}

function refused(problem: string): Verdict {
  return { problem: `verify cert failed: ${problem}`, validated: false };
}

function sanTest({ sanType, matcher, oid }: SubjectAltNameMatcher): (names: SubjectAltNames) => boolean {
  const matches = compileString(matcher);
  switch (sanType) {
    case 'DNS': {
      // An exact name is also matched by a wildcard of the certificate's.
      if (matcher.kind !== 'exact') return ({ dns }) => dns.some(matches);
      return ({ dns }) => dns.some((name) => dnsNameMatches(matcher.value, name));
    }
    case 'URI':
      return ({ uri }) => uri.some(matches);
    case 'EMAIL':
      return ({ email }) => email.some(matches);
    case 'IP_ADDRESS':
      return ({ ip }) => ip.some(matches);
    case 'OTHER_NAME':
      return ({ other }) => other.some((name) => name.oid === oid && matches(name.value));
  }
}

function hasName({ dns, uri, ip }: SubjectAltNames, expected: string): boolean {
  return dns.some((name) => dnsNameMatches(expected, name)) || uri.includes(expected) || ip.includes(expected);
}

/** The base64 of the SHA-256 of the public key, as in RFC 7469. */
function spkiHash(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}
