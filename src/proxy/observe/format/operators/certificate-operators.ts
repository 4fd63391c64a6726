/**
 * TLS sessions and certificates of both sides, downstream and upstream: DOWNSTREAM_TLS_*, DOWNSTREAM_PEER_*, DOWNSTREAM_LOCAL_* and the
 * same of UPSTREAM. Nothing is said of a connection without TLS.
 */
import { X509Certificate } from 'node:crypto';
import { nameOf, type OperatorDefinition, type OperatorTable } from '#proxy/observe/format/operator.ts';
import { timeOperator } from '#proxy/observe/format/operators/time-operators.ts';
import type { CertificateInfo, StreamInfo, TlsInfo } from '#proxy/observe/stream-info.ts';

type TlsOf = (info: StreamInfo) => TlsInfo | undefined;

const downstream: TlsOf = (info) => info.connection.tls;
const upstream: TlsOf = (info) => info.upstream?.tls;

export const certificateOperators: OperatorTable = {
  ...bothDirections('DOWNSTREAM', downstream),
  ...bothDirections('UPSTREAM', upstream),
  DOWNSTREAM_PEER_EMAIL_SAN: peer(downstream, ({ emailSans }) => emailSans.join(',')),
  DOWNSTREAM_LOCAL_EMAIL_SAN: local(downstream, ({ emailSans }) => emailSans.join(',')),
  DOWNSTREAM_PEER_OTHERNAME_SAN: peer(downstream, ({ otherNameSans }) => otherNameSans.join(',')),
  DOWNSTREAM_LOCAL_OTHERNAME_SAN: local(downstream, ({ otherNameSans }) => otherNameSans.join(',')),
  DOWNSTREAM_LOCAL_SUBJECT: local(downstream, ({ subject }) => subject),
  DOWNSTREAM_PEER_FINGERPRINT_256: peer(downstream, ({ sha256 }) => sha256),
  DOWNSTREAM_PEER_FINGERPRINT_1: peer(downstream, ({ sha1 }) => sha1),
  DOWNSTREAM_PEER_SERIAL: peer(downstream, ({ serial }) => serial),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: peer(downstream, (info) => chainOf(info).map(sha256).join(',')),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1: peer(downstream, (info) => chainOf(info).map(sha1).join(',')),
  DOWNSTREAM_PEER_CHAIN_SERIALS: peer(downstream, (info) => chainOf(info).map(serial).join(',')),
  DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: peer(downstream, (info) => chainOf(info).slice(1, 2).map(sha256).join()),
  DOWNSTREAM_PEER_ISSUER_SERIAL: peer(downstream, (info) => chainOf(info).slice(1, 2).map(serial).join()),
};

/** What can be asked of either direction. */
function bothDirections(direction: string, tls: TlsOf): OperatorTable {
  return {
    [`${direction}_TLS_VERSION`]: nameOf((info) => tls(info)?.version),
    [`${direction}_TLS_CIPHER`]: nameOf((info) => tls(info)?.cipher),
    [`${direction}_TLS_GROUP`]: nameOf((info) => tls(info)?.group),
    [`${direction}_TLS_SESSION_ID`]: nameOf((info) => tls(info)?.sessionId),
    [`${direction}_PEER_SUBJECT`]: peer(tls, ({ subject }) => subject),
    [`${direction}_PEER_ISSUER`]: peer(tls, ({ issuer }) => issuer),
    [`${direction}_PEER_CERT`]: peer(tls, ({ pem }) => encodeURIComponent(pem)),
    [`${direction}_PEER_URI_SAN`]: peer(tls, ({ uriSans }) => uriSans.join(',')),
    [`${direction}_PEER_DNS_SAN`]: peer(tls, ({ dnsSans }) => dnsSans.join(',')),
    [`${direction}_PEER_IP_SAN`]: peer(tls, ({ ipSans }) => ipSans.join(',')),
    [`${direction}_LOCAL_URI_SAN`]: local(tls, ({ uriSans }) => uriSans.join(',')),
    [`${direction}_LOCAL_DNS_SAN`]: local(tls, ({ dnsSans }) => dnsSans.join(',')),
    [`${direction}_LOCAL_IP_SAN`]: local(tls, ({ ipSans }) => ipSans.join(',')),
    [`${direction}_PEER_CERT_V_START`]: timeOperator('utc', () => (info) => tls(info)?.peer.validFrom),
    [`${direction}_PEER_CERT_V_END`]: timeOperator('utc', () => (info) => tls(info)?.peer.validTo),
  };
}

function peer(tls: TlsOf, read: (certificate: CertificateInfo) => string): OperatorDefinition {
  return nameOf((info) => {
    const certificate = tls(info)?.peer;
    return certificate === undefined ? undefined : read(certificate);
  });
}

function local(tls: TlsOf, read: (certificate: CertificateInfo) => string): OperatorDefinition {
  return nameOf((info) => {
    const certificate = tls(info)?.local;
    return certificate === undefined ? undefined : read(certificate);
  });
}

/** The certificates that the peer sent, its own first. */
function chainOf({ chainPem }: CertificateInfo): X509Certificate[] {
  const blocks = chainPem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function sha256(certificate: X509Certificate): string {
  return hex(certificate.fingerprint256);
}

function sha1(certificate: X509Certificate): string {
  return hex(certificate.fingerprint);
}

function serial(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase();
}

function hex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
