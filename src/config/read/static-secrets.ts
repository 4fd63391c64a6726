/**
 * The secrets that stand in the bootstrap, by kind and name. What is in them is read where they are used.
 * Follows envoy.extensions.transport_sockets.tls.v3.Secret.
 */
import type { Place } from '#api/place.ts';
import { type StaticSecret, secretKey } from '#config/read/context.ts';
import { honours } from '#config/read/support.ts';
import type { Secret } from '#envoy/extensions/transport_sockets/tls/v3/secret_pb.js';

const check = honours(
  'envoy.extensions.transport_sockets.tls.v3.Secret',
  ['name', 'tls_certificate', 'session_ticket_keys', 'validation_context'],
  { refused: { generic_secret: 'no extension here uses one' } },
);

/** What Envoy calls them in errors. */
const KINDS: Readonly<Record<string, string>> = {
  tlsCertificate: 'TlsCertificate',
  sessionTicketKeys: 'TlsSessionTicketKeys',
  validationContext: 'CertificateValidationContext',
  genericSecret: 'GenericSecret',
};

export function readStaticSecrets(secrets: readonly Secret[], at: Place): Map<string, StaticSecret> {
  const found = new Map<string, StaticSecret>();
  for (const [i, secret] of secrets.entries()) {
    const place = at.index(i);
    check(secret, place);
    const { case: kind } = secret.type;
    if (kind === undefined) {
      place.report('Secret type not implemented');
      continue;
    }
    const key = secretKey(kind, secret.name);
    if (found.has(key)) place.field('name').report(`Duplicate static ${KINDS[kind]} secret name ${secret.name}`);
    else found.set(key, { secret, at: place });
  }
  return found;
}
