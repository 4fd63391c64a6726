/**
 * What is asked of a peer's certificate.
 * Follows envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.
 */
import type { Place } from '#api/place.ts';
import type { SubjectAltNameMatcher, TlsBytes, ValidationContext } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import { readAll } from '#config/read/read-all.ts';
import { readSpiffeValidator } from '#config/read/spiffe-validator.ts';
import { readStringMatcher } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import { readSystemRoots } from '#config/read/system-roots.ts';
import { isCrl, origin, parseCertificates } from '#config/read/tls-material.ts';
import type { DataSource } from '#envoy/config/core/v3/base_pb.js';
import type {
  CertificateValidationContext,
  SubjectAltNameMatcher as SubjectAltNameMatcherMessage,
} from '#envoy/extensions/transport_sockets/tls/v3/common_pb.js';

const TLS = 'envoy.extensions.transport_sockets.tls.v3';
const PROVIDERS = 'certificate providers come later';

const check = honours(
  `${TLS}.CertificateValidationContext`,
  [
    'trusted_ca',
    'system_root_certs',
    'verify_certificate_spki',
    'verify_certificate_hash',
    'match_typed_subject_alt_names',
    'match_subject_alt_names',
    'crl',
    'allow_expired_certificate',
    'trust_chain_verification',
    'max_verify_depth',
    'watched_directory',
    'only_verify_leaf_cert_crl',
    'custom_validator_config',
  ],
  {
    refused: {
      ca_certificate_provider_instance: PROVIDERS,
      require_signed_certificate_timestamp: 'Envoy does not have it either',
      suppress_client_ca_list: 'OpenSSL, as Node has it, always sends the names of the authorities',
    },
  },
);
const checkMatcher = honours(`${TLS}.SubjectAltNameMatcher`, ['san_type', 'matcher', 'oid']);
const checkRoots = honours(`${TLS}.CertificateValidationContext.SystemRootCerts`, []);

const SAN_TYPES = [undefined, 'EMAIL', 'DNS', 'URI', 'IP_ADDRESS', 'OTHER_NAME'] as const;
/** The types that a matcher of the older field stands for. */
const UNTYPED_SANS = ['DNS', 'URI', 'EMAIL', 'IP_ADDRESS'] as const;
const TRUST = ['VERIFY_TRUST_CHAIN', 'ACCEPT_UNTRUSTED'] as const;
const SHA256_LENGTH = 32;
const OID = /^[012](\.\d+)+$/;

/**
 * @param secretName as in the model.
 * @throws PlacedError where something in it cannot be read; what does not go together, {@link checkValidation} says.
 */
export function readValidationContext(
  message: CertificateValidationContext,
  secretName: string,
  at: Place,
  context: ReadContext,
): ValidationContext {
  check(message, at);
  const trustedCa = readTrustedCa(message, at, context);
  const crl = message.crl === undefined ? undefined : readCrl(message.crl, at.field('crl'), context);
  const depth = message.maxVerifyDepth;
  const custom = message.customValidatorConfig;
  return {
    ...(trustedCa === undefined ? {} : { trustedCa }),
    ...(crl === undefined ? {} : { crl }),
    onlyVerifyLeafCrl: message.onlyVerifyLeafCertCrl,
    ...(custom === undefined
      ? {}
      : { trustDomains: readSpiffeValidator(custom, at.field('custom_validator_config'), context) }),
    verifyCertificateSpki: readAll(message.verifyCertificateSpki, at.field('verify_certificate_spki'), readSpki),
    verifyCertificateHash: readAll(message.verifyCertificateHash, at.field('verify_certificate_hash'), readHash),
    matchSubjectAltNames: readNames(message, at),
    allowExpiredCertificate: message.allowExpiredCertificate,
    trustChainVerification: TRUST[message.trustChainVerification] ?? 'VERIFY_TRUST_CHAIN',
    ...(depth === undefined ? {} : { maxVerifyDepth: depth }),
    secretName,
  };
}

/** Notes what has no meaning, or no worth, without a trusted authority. */
export function checkValidation(validation: ValidationContext, at: Place): void {
  const { trustedCa, trustDomains, crl, matchSubjectAltNames, allowExpiredCertificate } = validation;
  if (trustDomains !== undefined && crl !== undefined) {
    at.field('crl').warn('the SPIFFE validator heeds no revocation lists, as in Envoy');
  }
  if (trustedCa !== undefined || trustDomains !== undefined) return;
  if (crl !== undefined) {
    at.field('crl').report(`Failed to load CRL from ${origin(crl)} without trusted CA`);
  }
  if (matchSubjectAltNames.length > 0) {
    at.report('SAN-based verification of peer certificates without trusted CA is insecure and not allowed');
  }
  if (allowExpiredCertificate) {
    at.field('allow_expired_certificate').report('Certificate validity period is always ignored without trusted CA');
  }
}

/** The system's roots count only where no authority is named. */
function readTrustedCa(message: CertificateValidationContext, at: Place, context: ReadContext): TlsBytes | undefined {
  const { trustedCa, systemRootCerts } = message;
  if (trustedCa !== undefined) return readAuthorities(trustedCa, at.field('trusted_ca'), context);
  if (systemRootCerts === undefined) return undefined;
  checkRoots(systemRootCerts, at.field('system_root_certs'));
  return readSystemRoots(at.field('system_root_certs'), context);
}

function readAuthorities(source: DataSource, at: Place, context: ReadContext): TlsBytes {
  const bytes = readText(source, at, context);
  if (bytes.pem === '') throw at.problem('DataSource cannot be empty');
  if (parseCertificates(bytes.pem) === undefined) {
    throw at.problem(`Failed to load trusted CA certificates from ${origin(bytes)}`);
  }
  return bytes;
}

/** A text with no list in it is no list at all, as in Envoy. */
function readCrl(source: DataSource, at: Place, context: ReadContext): TlsBytes | undefined {
  const bytes = readText(source, at, context);
  if (bytes.pem === '') return undefined;
  if (!isCrl(bytes.pem)) throw at.problem(`Failed to load CRL from ${origin(bytes)}`);
  return bytes;
}

function readText(source: DataSource, at: Place, context: ReadContext): TlsBytes {
  const { bytes, path } = readDataSource(source, at, context);
  return { pem: bytes.toString('latin1'), path };
}

function readHash(hash: string, at: Place): string {
  const hex = hash.replaceAll(':', '');
  const wellFormed = hash.includes(':') ? /^[\da-f]{2}(:[\da-f]{2}){31}$/i.test(hash) : /^[\da-f]{64}$/i.test(hash);
  if (!wellFormed) throw at.problem(`Invalid hex-encoded SHA-256 ${hash}`);
  return hex.toLowerCase();
}

function readSpki(spki: string, at: Place): string {
  const bytes = Buffer.from(spki, 'base64');
  if (bytes.length !== SHA256_LENGTH || bytes.toString('base64') !== spki) {
    throw at.problem(`Invalid base64-encoded SHA-256 ${spki}`);
  }
  return spki;
}

/** The older field counts only where the newer is empty. */
function readNames(message: CertificateValidationContext, at: Place): SubjectAltNameMatcher[] {
  const { matchTypedSubjectAltNames: typed, matchSubjectAltNames: untyped } = message;
  if (typed.length > 0) return readAll(typed, at.field('match_typed_subject_alt_names'), readNameMatcher);
  const matchers = readAll(untyped, at.field('match_subject_alt_names'), readStringMatcher);
  return matchers.flatMap((matcher) => UNTYPED_SANS.map((sanType) => ({ sanType, matcher })));
}

function readNameMatcher(message: SubjectAltNameMatcherMessage, at: Place): SubjectAltNameMatcher {
  checkMatcher(message, at);
  const sanType = SAN_TYPES[message.sanType];
  if (message.matcher === undefined) throw at.field('matcher').missing();
  if (sanType === undefined) throw at.field('san_type').missing();
  const matcher = readStringMatcher(message.matcher, at.field('matcher'));
  if (sanType !== 'OTHER_NAME') return { sanType, matcher };
  const { oid } = message;
  if (OID.test(oid)) return { sanType, matcher, oid };
  throw at.field('oid').problem(`Failed to create SAN matcher for OTHER_NAME with OID: ${oid}`);
}
