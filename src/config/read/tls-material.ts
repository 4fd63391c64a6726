/**
 * Whether certificates and keys are what they should be, with the words that BoringSSL and Envoy have for those that are not.
 * Follows Envoy's ContextImpl and TlsContext, RFC 7468 for PEM.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsBytes } from '#config/model/tls.ts';

const CERTIFICATE =
  /^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/gm;
const PRIVATE_KEY = /^-----BEGIN [A-Z ]*PRIVATE KEY-----/m;
const REVOCATION_LIST = /^-----BEGIN X509 CRL-----/m;
const SMALLEST_RSA_KEY = 2048;

const NO_START_LINE = 'error:0900006e:PEM routines:OPENSSL_internal:NO_START_LINE';
const MISMATCH = 'error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH';
const NO_PASSWORD = 'error:09000068:PEM routines:OPENSSL_internal:BAD_PASSWORD_READ';
const BAD_DECRYPT = 'error:1e000065:Cipher functions:OPENSSL_internal:BAD_DECRYPT';

/** Node's and OpenSSL's words for an encrypted key that no password comes with. */
const WITHOUT_PASSWORD = new Set(['ERR_MISSING_PASSPHRASE', 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED']);

/** `<inline>`, or the file's path. */
export function origin({ path }: TlsBytes): string {
  return path === '' ? '<inline>' : path;
}

/** The certificates of a PEM text, in order; undefined where one of them is none, or there are none. */
export function parseCertificates(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(CERTIFICATE) ?? [];
  try {
    return blocks.length === 0 ? undefined : blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** Whether the text has no revocation list, or good ones. */
export function isCrl(pem: string): boolean {
  if (!REVOCATION_LIST.test(pem)) return true;
  try {
    createSecureContext({ crl: pem });
    return true;
  } catch {
    return false;
  }
}

/** @returns what is wrong with the chain, in Envoy's words; empty: nothing. */
export function chainProblem(chain: TlsBytes): string {
  const leaf = parseCertificates(chain.pem)?.[0];
  const failed = `Failed to load certificate chain from ${origin(chain)}`;
  const key = leaf === undefined ? undefined : publicKey(leaf);
  if (key === undefined) return failed;
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < SMALLEST_RSA_KEY) {
    return `${failed}, only RSA certificates with 2048-bit or larger keys are supported`;
  }
  return '';
}

/** The serial number of a good chain's first certificate, in hexadecimal without leading zeros. */
export function leafSerial(chain: TlsBytes): string {
  return (parseCertificates(chain.pem)?.[0].serialNumber ?? '').toLowerCase().replace(/^0+/, '');
}

/** @returns what is wrong with the key of a chain that is well; empty: nothing. */
export function keyProblem(chain: TlsBytes, key: TlsBytes, password: string): string {
  const failed = `Failed to load private key from ${origin(key)}, Cause: `;
  let loaded: KeyObject;
  try {
    loaded = createPrivateKey(password === '' ? key.pem : { key: key.pem, passphrase: password });
  } catch (error) {
    return failed + keyCause(error as NodeJS.ErrnoException, key.pem);
  }
  const leaf = parseCertificates(chain.pem)?.[0];
  return leaf?.checkPrivateKey(loaded) ? '' : failed + MISMATCH;
}

function publicKey(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

/** BoringSSL's words for what OpenSSL says. */
function keyCause({ code, message }: NodeJS.ErrnoException, pem: string): string {
  if (!PRIVATE_KEY.test(pem)) return NO_START_LINE;
  if (WITHOUT_PASSWORD.has(code ?? '')) return NO_PASSWORD;
  if (code === 'ERR_OSSL_BAD_DECRYPT' || code === 'ERR_OSSL_EVP_BAD_DECRYPT') return BAD_DECRYPT;
  return message;
}
