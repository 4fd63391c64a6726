/**
 * The algorithm that a peer signs its handshake with. Node does not tell; it follows from the key and from the order in which we ask.
 * The key's kind is looked for in the certificate's bytes: to have OpenSSL tell of an elliptic key costs 70 us of each handshake.
 * Follows RFC 8446, section 4.2.3 and RFC 5280, section 4.1.2.7.
 */
import type { X509Certificate } from 'node:crypto';

/** Algorithms of keys as certificates encode them (RFC 3279, RFC 5480, RFC 8410), and the names that BoringSSL has for what they sign with. */
const KINDS: [encoded: Buffer, name: string][] = [
  [Buffer.from('301306072a8648ce3d020106082a8648ce3d030107', 'hex'), 'ecdsa_secp256r1_sha256'],
  [Buffer.from('300d06092a864886f70d0101010500', 'hex'), 'rsa_pss_rsae_sha256'],
  [Buffer.from('301006072a8648ce3d020106052b81040022', 'hex'), 'ecdsa_secp384r1_sha384'],
  [Buffer.from('301006072a8648ce3d020106052b81040023', 'hex'), 'ecdsa_secp521r1_sha512'],
  [Buffer.from('302a300506032b6570', 'hex'), 'ed25519'],
];

/** @returns the name as BoringSSL has it; empty where the key is of another kind. */
export function signatureOf({ raw }: X509Certificate): string {
  for (const [encoded, name] of KINDS) if (raw.includes(encoded)) return name;
  return '';
}
