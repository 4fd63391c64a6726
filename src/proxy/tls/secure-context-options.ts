/**
 * What both sides of TLS tell Node's SecureContext: versions, suites, curves, signatures, authorities.
 * Follows extensions.transport_sockets.tls.v3.CommonTlsContext.
 */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { CommonTls, TlsCertificate, ValidationContext } from '#config/model/tls.ts';
import { unknownSuites } from '#proxy/tls/cipher-suites.ts';
import { loadAuthorities, placeOf } from '#proxy/tls/load-certificate.ts';

/** The groups that keys are exchanged in. */
export const DEFAULT_CURVES = ['X25519', 'P-256'];

/** BoringSSL's own order, in OpenSSL's words. */
const DEFAULT_SIGNATURES = [
  'ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256',
  'ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384',
  'RSA-PSS+SHA512:RSA+SHA512:RSA+SHA1',
].join(':');

/** Versions before 1.2 need algorithms that OpenSSL calls insecure. */
const OLD_VERSIONS = new Set(['TLSv1', 'TLSv1.1']);

/** @throws in Envoy's words, where the parameters name something that is not there. */
export function checkParameters(tls: CommonTls): void {
  const unknown = unknownSuites(tls.cipherSuites);
  if (unknown.length > 0) {
    throw new Error(
      `Failed to initialize cipher suites ${tls.cipherSuites.join(':')}. The following ciphers were rejected when tried individually: ${unknown.join(', ')}`,
    );
  }
  attempt({ ecdhCurve: tls.ecdhCurves.join(':') }, `Failed to initialize ECDH curves ${tls.ecdhCurves.join(':')}`);
  const signatures = tls.signatureAlgorithms.join(':');
  attempt({ sigalgs: signatures }, `Failed to initialize TLS signature algorithms ${signatures}`);
  if (tls.validation !== undefined) checkValidation(tls.validation);
}

function checkValidation(validation: ValidationContext): void {
  const { trustedCa, crl, matchSubjectAltNames, allowExpiredCertificate, onlyVerifyLeafCertCrl } = validation;
  if (onlyVerifyLeafCertCrl) throw new Error('only_verify_leaf_cert_crl is not supported');
  if (trustedCa !== undefined) {
    loadAuthorities(trustedCa);
    if (crl !== undefined) attempt({ crl: crl.pem }, `Failed to load CRL from ${placeOf(crl)}`);
    return;
  }
  if (crl !== undefined) throw new Error(`Failed to load CRL from ${placeOf(crl)} without trusted CA`);
  if (matchSubjectAltNames.length > 0) {
    throw new Error('SAN-based verification of peer certificates without trusted CA is insecure and not allowed');
  }
  if (allowExpiredCertificate) {
    throw new Error('Certificate validity period is always ignored without trusted CA');
  }
}

/** Tries what was configured on a context of its own; what is empty is not configured. */
function attempt(options: SecureContextOptions, problem: string): void {
  if (Object.values(options).includes('')) return;
  try {
    createSecureContext({ ca: [], ...options });
  } catch {
    throw new Error(problem);
  }
}

/** What to make a context from, but for what only one side has. @param ciphers in OpenSSL's form. */
export function contextOptions(
  tls: CommonTls,
  certificate: TlsCertificate | undefined,
  ciphers: string,
): SecureContextOptions {
  const { validation, minVersion = 'TLSv1.2', maxVersion = 'TLSv1.3' } = tls;
  return {
    ...(certificate === undefined ? {} : identity(certificate)),
    // Without a list Node would trust the authorities that it ships.
    ca: validation?.trustedCa === undefined ? [] : validation.trustedCa.pem,
    crl: validation?.crl?.pem,
    allowPartialTrustChain: true,
    ciphers: OLD_VERSIONS.has(minVersion) ? `${ciphers}:@SECLEVEL=0` : ciphers,
    minVersion,
    maxVersion,
    ecdhCurve: (tls.ecdhCurves.length === 0 ? DEFAULT_CURVES : tls.ecdhCurves).join(':'),
    sigalgs: tls.signatureAlgorithms.length === 0 ? DEFAULT_SIGNATURES : tls.signatureAlgorithms.join(':'),
  };
}

function identity({ chain, key, password }: TlsCertificate): SecureContextOptions {
  return { cert: chain.pem, key: key.pem, passphrase: password === '' ? undefined : password };
}

export type { SecureContext };
