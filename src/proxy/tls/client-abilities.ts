/**
 * What a client hello tells of the handshake to come: versions, curves, the group that keys will be exchanged in.
 * Follows RFC 8446, section 4.2 and RFC 8422.
 */

import { type CipherGroups, offersEcdsa } from '#proxy/tls/cipher-suites.ts';
import type { ClientHello } from '#wire/tls/client-hello.ts';

const TLS13 = 0x0304;

/** ECDSA signature schemes (RFC 8446, section 4.2.3) and the curve that each is for, by Node's names. */
const ECDSA_SCHEMES: [scheme: number, curve: string][] = [
  [0x0403, 'prime256v1'],
  [0x0503, 'secp384r1'],
  [0x0603, 'secp521r1'],
];

/** Named groups: their numbers, and Node's names of those that certificates use. */
const GROUPS: Record<string, number> = {
  'P-256': 23,
  'P-384': 24,
  'P-521': 25,
  X25519: 29,
  MLKEM1024: 0x0202,
  X25519MLKEM768: 0x11ec,
  prime256v1: 23,
  secp256r1: 23,
  secp384r1: 24,
  secp521r1: 25,
};

/** Groups that TLS 1.2 does not have. */
const TLS13_GROUPS = new Set(['X25519MLKEM768', 'MLKEM1024']);

export function speaksTls13(hello: ClientHello): boolean {
  return hello.supportedVersions.includes(TLS13);
}

/**
 * The curves of ECDSA certificates that the client can check.
 * @param tls13 whether TLS 1.3 will be spoken: signature algorithms alone count there.
 */
export function ecdsaCurves(hello: ClientHello, tls13: boolean, ciphers: CipherGroups): string[] {
  if (tls13) {
    return ECDSA_SCHEMES.flatMap(([scheme, curve]) => (hello.signatureAlgorithms.includes(scheme) ? [curve] : []));
  }
  if (!offersEcdsa(ciphers, hello.cipherSuites)) return [];
  return ECDSA_SCHEMES.flatMap(([, curve]) => (hello.supportedGroups.includes(GROUPS[curve]) ? [curve] : []));
}

/** The group that keys are exchanged in: the first of the server's that the client has. */
export function keyExchangeGroup(hello: ClientHello, tls13: boolean, ours: readonly string[]): string {
  const usable = tls13 ? ours : ours.filter((name) => !TLS13_GROUPS.has(name));
  return usable.find((name) => hello.supportedGroups.includes(GROUPS[name])) ?? '';
}
