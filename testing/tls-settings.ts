/**
 * TLS contexts for tests in the form of the configuration's model: Envoy's defaults, and what a test sets.
 */
import type { CommonTls, DownstreamTls, TlsCertificate, UpstreamTls, ValidationContext } from '#config/model/tls.ts';
import { DEFAULT_CIPHER_SUITES } from '#config/read/tls-ciphers.ts';
import type { Certificate } from '#testing/certificates.ts';

const COMMON: CommonTls = {
  certificates: [],
  alpnProtocols: [],
  cipherSuites: [...DEFAULT_CIPHER_SUITES],
  ecdhCurves: ['X25519', 'P-256'],
  signatureAlgorithms: [],
};

export function downstreamTlsOf(settings: Partial<DownstreamTls>): DownstreamTls {
  return {
    ...COMMON,
    requireClientCertificate: false,
    sessionTimeout: 0,
    sessionTicketKeys: [],
    disableStatelessSessionResumption: false,
    fullScanCertsOnSniMismatch: false,
    preferClientCiphers: false,
    ocspStaplePolicy: 'LENIENT_STAPLING',
    ...settings,
  };
}

export function upstreamTlsOf(settings: Partial<UpstreamTls> = {}): UpstreamTls {
  return {
    ...COMMON,
    sni: '',
    autoHostSni: false,
    autoSniSanValidation: false,
    allowRenegotiation: false,
    maxSessionKeys: 1,
    ...settings,
  };
}

export function validationOf(settings: Partial<ValidationContext> & { ca?: Certificate }): ValidationContext {
  const { ca, ...rest } = settings;
  return {
    ...(ca === undefined ? {} : { trustedCa: { pem: ca.cert, path: '' } }),
    verifyCertificateSpki: [],
    verifyCertificateHash: [],
    matchSubjectAltNames: [],
    onlyVerifyLeafCrl: false,
    allowExpiredCertificate: false,
    trustChainVerification: 'VERIFY_TRUST_CHAIN',
    secretName: '',
    ...rest,
  };
}

export function shownCertificate({ cert, key }: Certificate): TlsCertificate {
  return { chain: { pem: cert, path: '' }, key: { pem: key, path: '' }, password: '', secretName: '' };
}
