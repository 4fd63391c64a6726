/**
 * Certificates and keys, checked as they are loaded, with Envoy's words where they do not fit.
 * Follows extensions.transport_sockets.tls.v3.TlsCertificate.
 */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import type { TlsBytes, TlsCertificate } from '#config/model/tls.ts';
import { certificatesOf } from '#proxy/tls/pem.ts';

const SMALLEST_RSA_KEY = 2048;

/** Where the bytes came from, for messages. */
export function placeOf({ path }: TlsBytes): string {
  return path === '' ? '<inline>' : path;
}

/** @returns the leaf. @throws where chain and key are not a certificate of a server or client and its key. */
export function loadCertificate({ chain, key, password }: TlsCertificate): X509Certificate {
  const [leaf] = parsed(chain, `Failed to load certificate chain from ${placeOf(chain)}`);
  const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey;
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < SMALLEST_RSA_KEY) {
    throw new Error(
      `Failed to load certificate chain from ${placeOf(chain)}, only RSA certificates with 2048-bit or larger keys are supported`,
    );
  }
  const cannot = `Failed to load private key from ${placeOf(key)}, Cause: `;
  let loaded: KeyObject;
  try {
    loaded = createPrivateKey({ key: key.pem, passphrase: password === '' ? undefined : password });
  } catch (error) {
    throw new Error(cannot + (error as Error).message);
  }
  if (!leaf.checkPrivateKey(loaded)) throw new Error(`${cannot}the key is not that of the certificate`);
  return leaf;
}

/** @throws where there is no certificate authority in it. */
export function loadAuthorities(ca: TlsBytes): X509Certificate[] {
  return parsed(ca, `Failed to load trusted CA certificates from ${placeOf(ca)}`);
}

function parsed(bytes: TlsBytes, problem: string): X509Certificate[] {
  let certificates: X509Certificate[] = [];
  try {
    certificates = certificatesOf(bytes.pem);
  } catch {
    throw new Error(problem);
  }
  if (certificates.length === 0) throw new Error(problem);
  return certificates;
}
