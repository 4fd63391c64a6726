/**
 * TLS contexts as plain data: files and inline bytes are already read into PEM text; a file's path is kept so that it can be watched.
 * Follows extensions.transport_sockets.tls.v3.
 */
import type { CidrRange } from './address.ts';
import type { ConfigSource } from './config-source.ts';
import type { StringMatcher } from './matchers.ts';
import type { TapConfig } from './tap.ts';

/** Where a piece of TLS material came from, for reloading and for the admin's /certs. */
export interface TlsBytes {
  pem: string;
  /** The file that it was read from; empty where inline. */
  path: string;
}

export interface TlsCertificate {
  chain: TlsBytes;
  key: TlsBytes;
  password: string;
  ocspStaple?: Uint8Array;
  /** Name of the static secret that it came from; empty where inline. */
  secretName: string;
}

export interface SubjectAltNameMatcher {
  sanType: 'EMAIL' | 'DNS' | 'URI' | 'IP_ADDRESS' | 'OTHER_NAME';
  matcher: StringMatcher;
  /** Of OTHER_NAME: whose form the names have. */
  oid?: string;
}

/** Who may sign for a SPIFFE trust domain. */
export interface TrustDomain {
  name: string;
  bundle: TlsBytes;
}

/** Connections whose secrets are logged, by their addresses; no ranges: any. */
export interface KeyLogConfig {
  path: string;
  localRanges: CidrRange[];
  remoteRanges: CidrRange[];
}

export interface ValidationContext {
  trustedCa?: TlsBytes;
  crl?: TlsBytes;
  /** Revocation lists count for the certificate itself, and not for its issuers. */
  onlyVerifyLeafCrl: boolean;
  /** In place of `trustedCa`: the certificate's trust domain says which authorities count. */
  trustDomains?: TrustDomain[];
  verifyCertificateSpki: string[];
  verifyCertificateHash: string[];
  matchSubjectAltNames: SubjectAltNameMatcher[];
  allowExpiredCertificate: boolean;
  trustChainVerification: 'VERIFY_TRUST_CHAIN' | 'ACCEPT_UNTRUSTED';
  maxVerifyDepth?: number;
  secretName: string;
}

/** What a secret brings, by the members of Envoy's Secret. */
export type SecretValue =
  | { kind: 'tlsCertificate'; certificate: TlsCertificate }
  | { kind: 'validationContext'; validation: ValidationContext }
  | { kind: 'sessionTicketKeys'; keys: Uint8Array[] };

/** A secret that a management server knows, by its key in the secret store. */
export interface FetchedSecret {
  key: string;
  kind: SecretValue['kind'];
  name: string;
  source: ConfigSource;
}

/**
 * The parts of a TLS context that may change while it runs, by their keys in the secret store. What the context itself has in their place is
 * what they were when the configuration was read.
 */
export interface SecretUses {
  /** Every certificate of the context, in order: as it stands, or by key. Undefined: none changes. */
  certificates?: (TlsCertificate | { key: string })[];
  /** `under`: the default of a combined context, which the secret is merged over. */
  validation?: { key: string; under?: ValidationContext };
  sessionTicketKeys?: { key: string };
}

export interface CommonTls {
  certificates: TlsCertificate[];
  validation?: ValidationContext;
  secrets?: SecretUses;
  /** Those of the secrets that a management server brings. */
  fetched?: FetchedSecret[];
  alpnProtocols: string[];
  /** Node's names; undefined: Envoy's default, 1.2 to 1.3 for servers and 1.2 for clients. */
  minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** Of TLS 1.2 and before, by OpenSSL's names, the first preferred; `[A|B]`: one as well as the other. */
  cipherSuites: string[];
  ecdhCurves: string[];
  signatureAlgorithms: string[];
  keyLog?: KeyLogConfig;
}

export interface DownstreamTls extends CommonTls {
  requireClientCertificate: boolean;
  sessionTimeout: number;
  sessionTicketKeys: Uint8Array[];
  disableStatelessSessionResumption: boolean;
  fullScanCertsOnSniMismatch: boolean;
  preferClientCiphers: boolean;
  ocspStaplePolicy: 'LENIENT_STAPLING' | 'STRICT_STAPLING' | 'MUST_STAPLE';
}

export interface UpstreamTls extends CommonTls {
  sni: string;
  autoHostSni: boolean;
  autoSniSanValidation: boolean;
  allowRenegotiation: boolean;
  maxSessionKeys: number;
}

/** A PROXY header to upstreams. */
export interface ProxyProtocolOut {
  version: 1 | 2;
  /** Types of the client's own TLVs that are passed on. */
  passThrough: 'all' | number[];
  added: { type: number; value: Uint8Array }[];
}

/** What stands between a socket and its bytes. */
export type DownstreamTransport = ({ kind: 'raw_buffer' } | { kind: 'tls'; tls: DownstreamTls }) & {
  /** Around it: sees what passes in cleartext. */
  tap?: TapConfig;
};
export type UpstreamTransport = ({ kind: 'raw_buffer' } | { kind: 'tls'; tls: UpstreamTls }) & {
  /** Around it: sees what passes in cleartext. */
  tap?: TapConfig;
  /** Tells of the client, before everything else. */
  proxyProtocol?: ProxyProtocolOut;
  /** Metadata that go along to internal listeners (internal_upstream). */
  passthrough?: { of: 'host' | 'cluster'; name: string }[];
};
