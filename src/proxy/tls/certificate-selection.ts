/**
 * Which of a server's certificates a client gets: by the name that it asks for, then by the kind of key that it can check, then the first.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl#certificate-selection
 */
import type { X509Certificate } from 'node:crypto';
import { subjectAltNames } from '#proxy/tls/subject-alt-names.ts';

/** What selection needs to know of a certificate. */
export interface SelectableCertificate {
  /** Names it is for, `*.x` as `.x`: DNS names, or the common name of one without alternative names. */
  names: string[];
  /** The curve of an ECDSA key, else undefined. */
  curve: string | undefined;
  /** Whether it may be used with or without a stapled OCSP response, by policy. */
  usable: boolean;
}

/** What the client can do. */
export interface ClientAbilities {
  serverName: string;
  /** The curves whose ECDSA signatures the client can check. */
  ecdsaCurves: readonly string[];
}

export function selectable(certificate: X509Certificate, usable = true): SelectableCertificate {
  const { publicKey } = certificate;
  const sans = subjectAltNames(certificate);
  const names = sans.present ? sans.dns : commonNames(certificate.subject ?? '');
  const patterns = names.map((name) => (name.startsWith('*.') ? name.slice(1) : name));
  const curve = publicKey.asymmetricKeyType === 'ec' ? publicKey.asymmetricKeyDetails?.namedCurve : undefined;
  return { names: patterns, curve, usable };
}

/**
 * @param fullScan looks at all certificates where none has the name (full_scan_certs_on_sni_mismatch).
 * @returns the index of the certificate; it may be one that is not usable: the handshake fails then.
 */
export function selectCertificate(
  certificates: readonly SelectableCertificate[],
  client: ClientAbilities,
  fullScan: boolean,
): number {
  const { serverName } = client;
  if (serverName !== '') {
    const exact = best(named(certificates, serverName), certificates, client);
    if (exact >= 0) return exact;
    const dot = serverName.indexOf('.', 1);
    if (dot > 0 && dot < serverName.length - 1) {
      const wildcard = best(named(certificates, serverName.slice(dot)), certificates, client);
      if (wildcard >= 0) return wildcard;
    }
    if (!fullScan) return 0;
  }
  const any = best([...certificates.keys()], certificates, client);
  return Math.max(any, 0);
}

/** Of the certificates for this name: the first of each kind of key, as Envoy keeps them. */
function named(certificates: readonly SelectableCertificate[], name: string): number[] {
  const kinds = new Set<string>();
  const found: number[] = [];
  certificates.forEach(({ names, curve }, i) => {
    const kind = curve === undefined ? 'rsa' : 'ecdsa';
    if (!names.includes(name) || kinds.has(kind)) return;
    kinds.add(kind);
    found.push(i);
  });
  return found;
}

/** @returns the first with the kind of key that suits the client best: ECDSA where it can check that, else RSA; or -1. */
function best(
  indexes: number[],
  certificates: readonly SelectableCertificate[],
  { ecdsaCurves }: ClientAbilities,
): number {
  const usable = indexes.filter((i) => certificates[i].usable);
  const ecdsa = usable.find((i) => ecdsaCurves.includes(certificates[i].curve ?? ''));
  return ecdsa ?? usable.find((i) => certificates[i].curve === undefined) ?? -1;
}

/** The common names of a subject as Node prints it, a part a line. */
function commonNames(subject: string): string[] {
  const parts = subject.split('\n').flatMap((line) => line.split(' + '));
  return parts.filter((part) => part.startsWith('CN=')).map((part) => part.slice(3));
}
