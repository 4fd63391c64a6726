/**
 * Versions, ciphers, curves and signature algorithms of TLS, from BoringSSL's names to OpenSSL's.
 * Follows envoy.extensions.transport_sockets.tls.v3.TlsParameters.
 */
import type { Place } from '#api/place.ts';
import type { CommonTls } from '#config/model/tls.ts';
import { honours } from '#config/read/support.ts';
import { chooseCiphers, DEFAULT_CIPHER_SUITES } from '#config/read/tls-ciphers.ts';
import type { TlsParameters } from '#envoy/extensions/transport_sockets/tls/v3/common_pb.js';

const check = honours(
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters',
  [
    'tls_minimum_protocol_version',
    'tls_maximum_protocol_version',
    'cipher_suites',
    'ecdh_curves',
    'signature_algorithms',
  ],
  { refused: { compliance_policies: 'no build of ours is certified' } },
);

export type TlsParametersConfig = Required<
  Pick<CommonTls, 'minVersion' | 'maxVersion' | 'cipherSuites' | 'ecdhCurves' | 'signatureAlgorithms'>
>;

/** By number of TlsParameters.TlsProtocol; the first is TLS_AUTO. */
const VERSIONS = [undefined, 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** Curves by the names that BoringSSL takes, each by the one that OpenSSL prints. */
const CURVES: Readonly<Record<string, string>> = {
  X25519: 'X25519',
  x25519: 'X25519',
  'P-256': 'P-256',
  prime256v1: 'P-256',
  'P-384': 'P-384',
  secp384r1: 'P-384',
  'P-521': 'P-521',
  secp521r1: 'P-521',
  X25519MLKEM768: 'X25519MLKEM768',
  MLKEM1024: 'MLKEM1024',
};
const DEFAULT_CURVES = ['X25519MLKEM768', 'X25519', 'P-256'];

const SIGNATURES = new Set([
  'rsa_pkcs1_sha1',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
  'ecdsa_sha1',
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'ed25519',
]);
/** Those two have no such name in OpenSSL. */
const LEGACY_SIGNATURES: Readonly<Record<string, string>> = { rsa_pkcs1_sha1: 'RSA+SHA1', ecdsa_sha1: 'ECDSA+SHA1' };

/** Envoy's clients speak up to TLS 1.2 unless told otherwise, its servers up to 1.3. */
export function readTlsParameters(
  message: TlsParameters | undefined,
  side: 'server' | 'client',
  at: Place,
): TlsParametersConfig {
  if (message !== undefined) check(message, at);
  const maxVersion = VERSIONS[message?.tlsMaximumProtocolVersion ?? 0] ?? (side === 'server' ? 'TLSv1.3' : 'TLSv1.2');
  return {
    minVersion: VERSIONS[message?.tlsMinimumProtocolVersion ?? 0] ?? 'TLSv1.2',
    maxVersion,
    cipherSuites: readCiphers(message?.cipherSuites ?? [], at.field('cipher_suites')),
    ecdhCurves: readCurves(message?.ecdhCurves ?? [], at.field('ecdh_curves')),
    signatureAlgorithms: readSignatures(message?.signatureAlgorithms ?? [], at.field('signature_algorithms')),
  };
}

function readCiphers(suites: readonly string[], at: Place): string[] {
  const { names, unknown } = chooseCiphers(suites.length === 0 ? DEFAULT_CIPHER_SUITES : suites);
  if (unknown.length > 0) {
    const words = `The following ciphers were rejected when tried individually: ${unknown.join(', ')}`;
    at.report(`Failed to initialize cipher suites ${suites.join(':')}. ${words}`);
  } else if (names.length === 0) {
    at.report(`Failed to initialize cipher suites ${suites.join(':')}: none of them can be used here`);
  }
  return names;
}

function readCurves(curves: readonly string[], at: Place): string[] {
  // Several may stand in one item, with colons.
  const named = curves.flatMap((curve) => curve.split(':')).filter((curve) => curve !== '');
  if (named.length === 0) return DEFAULT_CURVES;
  const known = named.map((curve) => CURVES[curve]);
  if (known.includes(undefined as never) || new Set(known).size < known.length) {
    at.report(`Failed to initialize ECDH curves ${named.join(':')}`, `there are ${Object.keys(CURVES).join(', ')}`);
  }
  return known;
}

function readSignatures(algorithms: readonly string[], at: Place): string[] {
  if (!algorithms.every((name) => SIGNATURES.has(name))) {
    at.report(`Failed to initialize TLS signature algorithms ${algorithms.join(':')}`);
  }
  return algorithms.map((name) => LEGACY_SIGNATURES[name] ?? name);
}
