/**
 * The authorities that the operating system trusts.
 * Follows envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.SystemRootCerts.
 */
import type { Place } from '#api/place.ts';
import type { TlsBytes } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';

/** Where systems keep them: Debian, Fedora, openSUSE, Alpine and the BSDs, macOS. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** @throws PlacedError where none of the files is there. */
export function readSystemRoots(at: Place, context: ReadContext): TlsBytes {
  for (const path of BUNDLES) {
    try {
      return { pem: context.files(path).toString('latin1'), path };
    } catch {
      // The next system's place.
    }
  }
  throw at.problem('Cannot find system root certificates', `none of ${BUNDLES.join(', ')} can be read`);
}
