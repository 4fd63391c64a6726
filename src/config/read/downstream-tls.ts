/**
 * TLS with clients: what is asked of them, and how their sessions resume.
 * Follows envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext.
 */
import type { Place } from '#api/place.ts';
import type { CommonTls, DownstreamTls, FetchedSecret } from '#config/model/tls.ts';
import { readCommonTls } from '#config/read/common-tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { readAll } from '#config/read/read-all.ts';
import { fetchedSecret, findSecret } from '#config/read/secret.ts';
import { honours } from '#config/read/support.ts';
import type { TlsSessionTicketKeys } from '#envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { DownstreamTlsContext } from '#envoy/extensions/transport_sockets/tls/v3/tls_pb.js';

const TLS = 'envoy.extensions.transport_sockets.tls.v3';

const check = honours(
  `${TLS}.DownstreamTlsContext`,
  [
    'common_tls_context',
    'require_client_certificate',
    'session_ticket_keys',
    'session_ticket_keys_sds_secret_config',
    'disable_stateless_session_resumption',
    'session_timeout',
    'ocsp_staple_policy',
    'full_scan_certs_on_sni_mismatch',
    'prefer_client_ciphers',
  ],
  {
    withoutEffect: {
      require_sni: 'Envoy 1.40 lets in those without a server name too',
      disable_stateful_session_resumption: 'the server never keeps sessions itself',
    },
  },
);
const checkTicketKeys = honours(`${TLS}.TlsSessionTicketKeys`, ['keys']);

/** By number of DownstreamTlsContext.OcspStaplePolicy. */
const STAPLE_POLICIES = ['LENIENT_STAPLING', 'STRICT_STAPLING', 'MUST_STAPLE'] as const;
const TICKET_KEY_LENGTH = 80;
const UNSAID =
  'Using deprecated insecure default of not requiring client cert when a validation context is configured. This default will be changed in a future version. Please explicitly configure a value for require_client_certificate.';

/** @throws PlacedError where there is no certificate to show. */
export function readDownstreamTls(message: DownstreamTlsContext, at: Place, context: ReadContext): DownstreamTls {
  check(message, at);
  const place = at.field('common_tls_context');
  const common = readCommonTls(message.commonTlsContext, 'server', place, context);
  const { tlsCertificates = [], tlsCertificateSdsSecretConfigs = [] } = message.commonTlsContext ?? {};
  if (tlsCertificates.length === 0 && tlsCertificateSdsSecretConfigs.length === 0) {
    at.report('No TLS certificates found for server context');
  }
  const isEmpty = tlsCertificates.findIndex(
    (one) => one.certificateChain === undefined && one.privateKey === undefined,
  );
  if (isEmpty !== -1) {
    const words = 'Server TlsCertificates must have a certificate specified';
    place.field('tls_certificates').index(isEmpty).report(words);
  }
  const ocspStaplePolicy = STAPLE_POLICIES[message.ocspStaplePolicy] ?? 'LENIENT_STAPLING';
  if (ocspStaplePolicy === 'MUST_STAPLE' && common.certificates.some(({ ocspStaple }) => ocspStaple === undefined)) {
    at.field('ocsp_staple_policy').report('Required OCSP response is missing from TLS context');
  }
  const validates = message.commonTlsContext?.validationContextType.case !== undefined;
  if (validates && message.requireClientCertificate === undefined) place.warn(UNSAID, 'deprecated');
  const { fetchedKeys, ...resumption } = readResumption(message, at, context);
  return {
    ...(fetchedKeys === undefined ? common : withFetchedKeys(common, fetchedKeys)),
    requireClientCertificate: message.requireClientCertificate ?? false,
    sessionTimeout: millisecondsOr(message.sessionTimeout, 0),
    ...resumption,
    fullScanCertsOnSniMismatch: message.fullScanCertsOnSniMismatch ?? false,
    preferClientCiphers: message.preferClientCiphers,
    ocspStaplePolicy,
  };
}

type Resumption = Pick<DownstreamTls, 'sessionTicketKeys' | 'disableStatelessSessionResumption'> & {
  /** Where the keys come from that a management server knows. */
  fetchedKeys?: FetchedSecret;
};

function readResumption(
  { sessionTicketKeysType: chosen }: DownstreamTlsContext,
  at: Place,
  context: ReadContext,
): Resumption {
  switch (chosen.case) {
    case 'sessionTicketKeys':
      return withKeys(readTicketKeys(chosen.value, at.field('session_ticket_keys'), context));
    case 'sessionTicketKeysSdsSecretConfig': {
      const place = at.field('session_ticket_keys_sds_secret_config');
      const fetched = fetchedSecret(chosen.value, 'sessionTicketKeys', place, context);
      if (fetched !== undefined) return { ...withKeys([]), fetchedKeys: fetched };
      const secret = findSecret(chosen.value, 'sessionTicketKeys', place, context);
      return withKeys(readTicketKeys(secret.message, secret.at, context));
    }
    default:
      return { sessionTicketKeys: [], disableStatelessSessionResumption: chosen.value ?? false };
  }
}

function withFetchedKeys(common: CommonTls, keys: FetchedSecret): CommonTls {
  return {
    ...common,
    secrets: { ...common.secrets, sessionTicketKeys: { key: keys.key } },
    fetched: [...(common.fetched ?? []), keys],
  };
}

function withKeys(sessionTicketKeys: Uint8Array[]): Resumption {
  return { sessionTicketKeys, disableStatelessSessionResumption: false };
}

export function readTicketKeys(message: TlsSessionTicketKeys, at: Place, context: ReadContext): Uint8Array[] {
  checkTicketKeys(message, at);
  return readAll(message.keys, at.field('keys'), (source, place) => {
    const { bytes } = readDataSource(source, place, context);
    if (bytes.length !== TICKET_KEY_LENGTH) {
      const words = `Incorrect TLS session ticket key length. Length ${bytes.length}, expected length`;
      throw place.problem(`${words} ${TICKET_KEY_LENGTH}.`);
    }
    return new Uint8Array(bytes);
  });
}
