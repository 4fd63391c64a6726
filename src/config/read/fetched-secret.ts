/**
 * A secret that a management server brought, as the secret store holds it.
 * Follows envoy.extensions.transport_sockets.tls.v3.Secret.
 */
import { dirname } from 'node:path';
import type { Place } from '#api/place.ts';
import type { SecretValue } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readTicketKeys } from '#config/read/downstream-tls.ts';
import { readTlsCertificate } from '#config/read/tls-certificate.ts';
import { checkValidation, readValidationContext } from '#config/read/validation-context.ts';
import type { DataSource, WatchedDirectory } from '#envoy/config/core/v3/base_pb.js';
import type { Secret } from '#envoy/extensions/transport_sockets/tls/v3/secret_pb.js';

/** @param kind what the contexts that use it want. @throws PlacedError for one of another kind, or that is of no use */
export function readSecretValue(
  { name, type }: Secret,
  kind: SecretValue['kind'],
  at: Place,
  context: ReadContext,
): SecretValue {
  if (type.case !== kind) throw at.problem(`Unexpected SDS secret: '${name}' is no ${kind}`);
  switch (type.case) {
    case 'tlsCertificate': {
      const certificate = readTlsCertificate(type.value, name, at.field('tls_certificate'), context);
      if (certificate === undefined) throw at.field('tls_certificate').problem('the certificate is empty');
      return { kind: 'tlsCertificate', certificate };
    }
    case 'validationContext': {
      const place = at.field('validation_context');
      const validation = readValidationContext(type.value, name, place, context);
      checkValidation(validation, place);
      return { kind: 'validationContext', validation };
    }
    default:
      return { kind: 'sessionTicketKeys', keys: readTicketKeys(type.value, at.field('session_ticket_keys'), context) };
  }
}

/** The folders whose changes mean that the secret's files may be others; none where everything stands in the secret itself. */
export function foldersOf({ type }: Secret): string[] {
  switch (type.case) {
    case 'tlsCertificate':
      return folders(type.value.watchedDirectory, type.value.certificateChain, type.value.privateKey);
    case 'validationContext':
      return folders(type.value.watchedDirectory, type.value.trustedCa, type.value.crl);
    default:
      return [];
  }
}

function folders(watched: WatchedDirectory | undefined, ...sources: (DataSource | undefined)[]): string[] {
  const files = sources.flatMap((source) => (source?.specifier.case === 'filename' ? [source.specifier.value] : []));
  if (files.length === 0) return [];
  return watched === undefined ? files.map((file) => dirname(file)) : [watched.path];
}
