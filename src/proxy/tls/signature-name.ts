/**
 * The algorithm that a peer signs its handshake with. Node does not tell; it follows from the key and from the order in which we ask.
 * Follows RFC 8446, section 4.2.3.
 */
import type { X509Certificate } from 'node:crypto';

const BY_CURVE: Record<string, string> = {
  prime256v1: 'ecdsa_secp256r1_sha256',
  secp384r1: 'ecdsa_secp384r1_sha384',
  secp521r1: 'ecdsa_secp521r1_sha512',
};

/** @returns the name as BoringSSL has it; empty where the key is of another kind. */
export function signatureOf(certificate: X509Certificate): string {
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType === 'rsa') return 'rsa_pss_rsae_sha256';
  if (asymmetricKeyType === 'ed25519') return 'ed25519';
  return BY_CURVE[asymmetricKeyDetails?.namedCurve ?? ''] ?? '';
}
