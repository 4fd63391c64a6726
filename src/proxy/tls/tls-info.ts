/**
 * What is known of a TLS connection and its certificates. Taken when the handshake is done, since it is asked for after the socket is gone;
 * certificates are read when somebody asks.
 * Follows the DOWNSTREAM_TLS_*, DOWNSTREAM_PEER_* and DOWNSTREAM_LOCAL_* operators of
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
import type { X509Certificate } from 'node:crypto';
import type { CertificateInfo, TlsInfo } from '#proxy/observe/stream-info.ts';
import { rfc2253 } from '#proxy/tls/distinguished-name.ts';
import { type SubjectAltNames, subjectAltNames } from '#proxy/tls/subject-alt-names.ts';

/** A certificate in Envoy's forms. */
class LazyCertificate implements CertificateInfo {
  private readonly certificate: X509Certificate;
  private names: SubjectAltNames | undefined;

  constructor(certificate: X509Certificate) {
    this.certificate = certificate;
  }

  get subject(): string {
    return rfc2253(this.certificate.subject ?? '');
  }

  get issuer(): string {
    return rfc2253(this.certificate.issuer ?? '');
  }

  get uriSans(): string[] {
    return this.sans.uri;
  }

  get dnsSans(): string[] {
    return this.sans.dns;
  }

  get ipSans(): string[] {
    return this.sans.ip;
  }

  get emailSans(): string[] {
    return this.sans.email;
  }

  get otherNameSans(): string[] {
    return this.sans.other.map(({ value }) => value);
  }

  get sha256(): string {
    return hex(this.certificate.fingerprint256);
  }

  get sha1(): string {
    return hex(this.certificate.fingerprint);
  }

  get serial(): string {
    return this.certificate.serialNumber.toLowerCase();
  }

  get pem(): string {
    return this.certificate.toString();
  }

  get chainPem(): string {
    let chain = '';
    for (let link: X509Certificate | undefined = this.certificate; link !== undefined; link = link.issuerCertificate) {
      chain += link.toString();
    }
    return chain;
  }

  get validFrom(): number {
    return this.certificate.validFromDate.getTime();
  }

  get validTo(): number {
    return this.certificate.validToDate.getTime();
  }

  private get sans(): SubjectAltNames {
    this.names ??= subjectAltNames(this.certificate);
    return this.names;
  }
}

const NO_CERTIFICATE: CertificateInfo = {
  subject: '',
  issuer: '',
  uriSans: [],
  dnsSans: [],
  ipSans: [],
  emailSans: [],
  otherNameSans: [],
  sha256: '',
  sha1: '',
  serial: '',
  pem: '',
  chainPem: '',
};

/** @param certificate undefined: there is none. */
export function certificateInfo(certificate: X509Certificate | undefined): CertificateInfo {
  return certificate === undefined ? NO_CERTIFICATE : new LazyCertificate(certificate);
}

/** What a handshake came to. */
export interface HandshakeFacts {
  version: string;
  cipher: string;
  group: string;
  sessionId: string;
  alpn: string;
  serverName: string;
  peerValidated: boolean;
  peerCertificate: X509Certificate | undefined;
  localCertificate: X509Certificate | undefined;
}

export class HandshakeInfo implements TlsInfo {
  readonly version: string;
  readonly cipher: string;
  readonly group: string;
  readonly sessionId: string;
  readonly alpn: string;
  readonly serverName: string;
  readonly peerPresented: boolean;
  readonly peerValidated: boolean;
  private readonly peerCertificate: X509Certificate | undefined;
  private readonly localCertificate: X509Certificate | undefined;
  private peerInfo: CertificateInfo | undefined;
  private localInfo: CertificateInfo | undefined;

  constructor(facts: HandshakeFacts) {
    this.version = facts.version;
    this.cipher = facts.cipher;
    this.group = facts.group;
    this.sessionId = facts.sessionId;
    this.alpn = facts.alpn;
    this.serverName = facts.serverName;
    this.peerPresented = facts.peerCertificate !== undefined;
    this.peerValidated = facts.peerValidated;
    this.peerCertificate = facts.peerCertificate;
    this.localCertificate = facts.localCertificate;
  }

  get peer(): CertificateInfo {
    this.peerInfo ??= certificateInfo(this.peerCertificate);
    return this.peerInfo;
  }

  get local(): CertificateInfo {
    this.localInfo ??= certificateInfo(this.localCertificate);
    return this.localInfo;
  }

  /** As route matching asks for it. */
  get presented(): boolean {
    return this.peerPresented;
  }

  get validated(): boolean {
    return this.peerValidated;
  }
}

function hex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
