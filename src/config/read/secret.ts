/**
 * Secrets by name: those that stand in the bootstrap's static_resources.
 * Follows envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig and Secret.
 */
import type { Place } from '#api/place.ts';
import { sourceKey } from '#config/model/config-source.ts';
import type { FetchedSecret } from '#config/model/tls.ts';
import { readConfigSource } from '#config/read/config-source.ts';
import { type ReadContext, secretKey } from '#config/read/context.ts';
import { honours } from '#config/read/support.ts';
import type { SdsSecretConfig, Secret } from '#envoy/extensions/transport_sockets/tls/v3/secret_pb.js';

const TLS = 'envoy.extensions.transport_sockets.tls.v3';
const checkReference = honours(`${TLS}.SdsSecretConfig`, ['name', 'sds_config']);
const checkSecret = honours(`${TLS}.Secret`, ['name', 'tls_certificate', 'session_ticket_keys', 'validation_context'], {
  refused: { generic_secret: 'nothing here reads generic secrets yet' },
});

type SecretType = Secret['type'];
type SecretKind = Exclude<SecretType['case'], undefined | 'genericSecret'>;
type SecretOf<K extends SecretKind> = Extract<SecretType, { case: K }>['value'];

/** Of each kind: Envoy's words for a name that is not there, and the field that holds it. */
const KINDS: Readonly<Record<SecretKind, { unknown: string; field: string }>> = {
  tlsCertificate: { unknown: 'Unknown static secret', field: 'tls_certificate' },
  validationContext: { unknown: 'Unknown static certificate validation context', field: 'validation_context' },
  sessionTicketKeys: { unknown: 'Unknown tls session ticket keys', field: 'session_ticket_keys' },
};

/** What a name stood for. */
export interface FoundSecret<K extends SecretKind> {
  name: string;
  message: SecretOf<K>;
  /** Where the secret itself stands. */
  at: Place;
}

/** @returns the secret where a management server brings it; undefined: it stands in the bootstrap. */
export function fetchedSecret(
  { name, sdsConfig }: SdsSecretConfig,
  kind: SecretKind,
  at: Place,
  context: ReadContext,
): FetchedSecret | undefined {
  if (sdsConfig === undefined) return undefined;
  const source = readConfigSource(sdsConfig, at.field('sds_config'), context);
  return { key: `sds ${kind} ${sourceKey(source)} ${name}`, kind, name, source };
}

/** @throws PlacedError where there is no static secret of the kind with that name. */
export function findSecret<K extends SecretKind>(
  reference: SdsSecretConfig,
  kind: K,
  at: Place,
  context: ReadContext,
): FoundSecret<K> {
  checkReference(reference, at);
  const { name } = reference;
  const { unknown, field } = KINDS[kind];
  const found = context.secrets.get(secretKey(kind, name));
  if (found === undefined) throw at.field('name').problem(`${unknown}: ${name}`);
  checkSecret(found.secret, found.at);
  return { name, message: found.secret.type.value as SecretOf<K>, at: found.at.field(field) };
}
