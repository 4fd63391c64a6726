/**
 * What both sides of TLS tell Node's SecureContext: versions, suites, curves, signatures, authorities.
 * Follows extensions.transport_sockets.tls.v3.CommonTlsContext.
 */
import type { SecureContextOptions } from 'node:tls';
import type { CommonTls, TlsCertificate } from '#config/model/tls.ts';

/** BoringSSL's own order, in OpenSSL's words. */
const DEFAULT_SIGNATURES = [
  'ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256',
  'ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384',
  'RSA-PSS+SHA512:RSA+SHA512:RSA+SHA1',
].join(':');

/** Versions before 1.2 need algorithms that OpenSSL calls insecure. */
const OLD_VERSIONS = new Set(['TLSv1', 'TLSv1.1']);

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
    ecdhCurve: tls.ecdhCurves.join(':'),
    sigalgs: tls.signatureAlgorithms.length === 0 ? DEFAULT_SIGNATURES : tls.signatureAlgorithms.join(':'),
  };
}

function identity({ chain, key, password }: TlsCertificate): SecureContextOptions {
  return { cert: chain.pem, key: key.pem, passphrase: password === '' ? undefined : password };
}
