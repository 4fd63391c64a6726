/**
 * What both sides of TLS tell Node's SecureContext: versions, suites, curves, signatures, authorities.
 * Follows extensions.transport_sockets.tls.v3.CommonTlsContext.
 */
import type { SecureContextOptions } from 'node:tls';
import type { CommonTls, TlsCertificate, ValidationContext } from '#config/model/tls.ts';

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
    ca: validation === undefined ? [] : authoritiesOf(validation),
    crl: validation === undefined ? undefined : listsOf(validation),
    allowPartialTrustChain: true,
    ciphers: OLD_VERSIONS.has(minVersion) ? `${ciphers}:@SECLEVEL=0` : ciphers,
    minVersion,
    maxVersion,
    ecdhCurve: tls.ecdhCurves.join(':'),
    sigalgs: tls.signatureAlgorithms.length === 0 ? DEFAULT_SIGNATURES : tls.signatureAlgorithms.join(':'),
  };
}

/** With trust domains: those of all; which one counts is seen when the certificate is there. */
function authoritiesOf({ trustedCa, trustDomains }: ValidationContext): string[] {
  if (trustDomains !== undefined) return trustDomains.map(({ bundle }) => bundle.pem);
  return trustedCa === undefined ? [] : [trustedCa.pem];
}

/** Not those that are looked at by ourselves, or not at all. */
function listsOf({ crl, onlyVerifyLeafCrl, trustDomains }: ValidationContext): string | undefined {
  return onlyVerifyLeafCrl || trustDomains !== undefined ? undefined : crl?.pem;
}

function identity({ chain, key, password }: TlsCertificate): SecureContextOptions {
  return { cert: chain.pem, key: key.pem, passphrase: password === '' ? undefined : password };
}
