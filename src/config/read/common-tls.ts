/**
 * What TLS contexts of both sides have: certificates, what is asked of the peer's, protocols, parameters.
 * Follows envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.
 */
import type { Place } from '#api/place.ts';
import type {
  CommonTls,
  FetchedSecret,
  KeyLogConfig,
  SecretUses,
  SecretValue,
  TlsCertificate,
  ValidationContext,
} from '#config/model/tls.ts';
import { readCidrRanges } from '#config/read/address.ts';
import type { ReadContext } from '#config/read/context.ts';
import { mergeValidation } from '#config/read/merge-validation.ts';
import { readAll } from '#config/read/read-all.ts';
import { fetchedSecret, findSecret } from '#config/read/secret.ts';
import { honours } from '#config/read/support.ts';
import { readTlsCertificate } from '#config/read/tls-certificate.ts';
import { readTlsParameters } from '#config/read/tls-parameters.ts';
import { checkValidation, readValidationContext } from '#config/read/validation-context.ts';
import { watchSecret } from '#config/read/watched-secret.ts';
import { checkWritable } from '#config/read/writable-file.ts';
import type {
  CertificateValidationContext,
  TlsCertificate as TlsCertificateMessage,
} from '#envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { SdsSecretConfig } from '#envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type {
  CommonTlsContext,
  CommonTlsContext_CombinedCertificateValidationContext,
  TlsKeyLog,
} from '#envoy/extensions/transport_sockets/tls/v3/tls_pb.js';

const TLS = 'envoy.extensions.transport_sockets.tls.v3';
const PROVIDERS = 'certificate providers come later';
const OLD_PROVIDERS = 'Envoy does not have it any more either';

const check = honours(
  `${TLS}.CommonTlsContext`,
  [
    'tls_params',
    'tls_certificates',
    'tls_certificate_sds_secret_configs',
    'validation_context',
    'validation_context_sds_secret_config',
    'combined_validation_context',
    'alpn_protocols',
    'key_log',
  ],
  {
    refused: {
      tls_certificate_provider_instance: PROVIDERS,
      custom_tls_certificate_selector: 'certificate selectors come later',
      tls_certificate_certificate_provider: OLD_PROVIDERS,
      tls_certificate_certificate_provider_instance: OLD_PROVIDERS,
      validation_context_certificate_provider: OLD_PROVIDERS,
      validation_context_certificate_provider_instance: OLD_PROVIDERS,
      custom_handshaker: "handshakes are Node's",
    },
  },
);
const checkCombined = honours(
  `${TLS}.CommonTlsContext.CombinedCertificateValidationContext`,
  ['default_validation_context', 'validation_context_sds_secret_config'],
  {
    refused: {
      validation_context_certificate_provider: OLD_PROVIDERS,
      validation_context_certificate_provider_instance: OLD_PROVIDERS,
    },
  },
);
const checkKeyLog = honours(`${TLS}.TlsKeyLog`, ['path', 'local_address_range', 'remote_address_range']);

/** Until the secret is there. */
const NO_VALIDATION: ValidationContext = {
  verifyCertificateSpki: [],
  verifyCertificateHash: [],
  matchSubjectAltNames: [],
  allowExpiredCertificate: false,
  onlyVerifyLeafCrl: false,
  trustChainVerification: 'VERIFY_TRUST_CHAIN',
  secretName: '',
};

/** The most bytes that ALPN has room for in one name. */
const LONGEST_PROTOCOL = 255;

/** @param message undefined: nothing is set. */
export function readCommonTls(
  message: CommonTlsContext | undefined,
  side: 'server' | 'client',
  at: Place,
  context: ReadContext,
): CommonTls {
  const parameters = readTlsParameters(message?.tlsParams, side, at.field('tls_params'));
  if (message === undefined) return { certificates: [], alpnProtocols: [], ...parameters };
  check(message, at);
  const shown = readCertificates(message, side, at, context);
  const asked = readValidation(message, at, context);
  const secrets: SecretUses = { ...shown.uses, ...asked?.uses };
  const fetched = [...shown.fetched, ...(asked?.fetched ?? [])];
  return {
    certificates: shown.certificates,
    ...(asked === undefined ? {} : { validation: asked.validation }),
    ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
    ...(fetched.length === 0 ? {} : { fetched }),
    alpnProtocols: readAlpn(message.alpnProtocols, at.field('alpn_protocols')),
    ...parameters,
    ...(message.keyLog === undefined ? {} : { keyLog: readKeyLog(message.keyLog, at.field('key_log')) }),
  };
}

interface ReadCertificates {
  certificates: TlsCertificate[];
  uses?: Pick<SecretUses, 'certificates'>;
  fetched: FetchedSecret[];
}

interface ReadValidation {
  validation: ValidationContext;
  uses?: Pick<SecretUses, 'validation'>;
  fetched?: FetchedSecret[];
}

function readCertificates(
  { tlsCertificates: own, tlsCertificateSdsSecretConfigs: named }: CommonTlsContext,
  side: 'server' | 'client',
  at: Place,
  context: ReadContext,
): ReadCertificates {
  if (own.length > 0 && named.length > 0 && side === 'server') {
    at.report('SDS and non-SDS TLS certificates may not be mixed in server contexts');
  }
  // A secret serves only where no certificate stands in the context itself.
  const read =
    own.length > 0
      ? readAll(own, at.field('tls_certificates'), (one, place) => readCertificate(one, '', place, context))
      : readAll(
          named,
          at.field('tls_certificate_sds_secret_configs'),
          (reference, place): ReadCertificate | undefined => {
            const fetched = fetchedSecret(reference, 'tlsCertificate', place, context);
            if (fetched !== undefined) return { certificate: undefined, key: fetched.key, fetched };
            const secret = findSecret(reference, 'tlsCertificate', place, context);
            return readCertificate(secret.message, secret.name, secret.at, context);
          },
        );
  const certificates = read.flatMap(({ certificate }) => certificate ?? []);
  if (read.every(({ key }) => key === undefined)) return { certificates, fetched: [] };
  const uses = read.flatMap(({ certificate, key }) => (key === undefined ? (certificate ?? []) : { key }));
  return { certificates, uses: { certificates: uses }, fetched: read.flatMap(({ fetched }) => fetched ?? []) };
}

/** What stands in the context, or in a static secret; or where it will be. */
interface ReadCertificate {
  certificate: TlsCertificate | undefined;
  key: string | undefined;
  fetched?: FetchedSecret;
}

/** @returns the certificate, and its key in the secret store where its files are watched. */
function readCertificate(
  message: TlsCertificateMessage,
  secretName: string,
  at: Place,
  context: ReadContext,
): ReadCertificate | undefined {
  const certificate = readTlsCertificate(message, secretName, at, context);
  if (certificate === undefined) return undefined;
  const asSecret = (one: TlsCertificate | undefined): SecretValue | undefined =>
    one && { kind: 'tlsCertificate', certificate: one };
  const key = watchSecret(message.watchedDirectory, asSecret(certificate), at.field('watched_directory'), context, () =>
    asSecret(readTlsCertificate(message, secretName, at, context)),
  );
  return { certificate, key };
}

function readValidation(message: CommonTlsContext, at: Place, context: ReadContext): ReadValidation | undefined {
  const { validationContextType: chosen } = message;
  switch (chosen.case) {
    case 'validationContext': {
      const place = at.field('validation_context');
      return checked(readWatched(chosen.value, '', place, context), place);
    }
    case 'validationContextSdsSecretConfig': {
      const place = at.field('validation_context_sds_secret_config');
      return readNamedValidation(chosen.value, place, context);
    }
    case 'combinedValidationContext':
      return readCombined(chosen.value, at.field('combined_validation_context'), context);
    default:
      return undefined;
  }
}

function readCombined(
  message: CommonTlsContext_CombinedCertificateValidationContext,
  at: Place,
  context: ReadContext,
): ReadValidation | undefined {
  checkCombined(message, at);
  const { defaultValidationContext: unnamed, validationContextSdsSecretConfig: reference } = message;
  if (unnamed === undefined || reference === undefined) return undefined;
  const under = readValidationContext(unnamed, '', at.field('default_validation_context'), context);
  const over = readNamedValidation(reference, at.field('validation_context_sds_secret_config'), context);
  const merged = mergeValidation(under, over.validation);
  const key = over.uses?.validation?.key;
  const uses = key === undefined ? {} : { uses: { validation: { key, under } } };
  if (over.fetched !== undefined) return { validation: under, ...uses, fetched: over.fetched };
  return checked({ validation: merged, ...uses }, at);
}

function readNamedValidation(reference: SdsSecretConfig, at: Place, context: ReadContext): ReadValidation {
  const fetched = fetchedSecret(reference, 'validationContext', at, context);
  if (fetched !== undefined) {
    const { key } = fetched;
    return { validation: NO_VALIDATION, uses: { validation: { key } }, fetched: [fetched] };
  }
  const secret = findSecret(reference, 'validationContext', at, context);
  return checked(readWatched(secret.message, secret.name, secret.at, context), at);
}

function readWatched(
  message: CertificateValidationContext,
  secretName: string,
  at: Place,
  context: ReadContext,
): ReadValidation {
  const read = () => readValidationContext(message, secretName, at, context);
  const validation = read();
  const asSecret = (one: ValidationContext): SecretValue => ({ kind: 'validationContext', validation: one });
  const place = at.field('watched_directory');
  const key = watchSecret(message.watchedDirectory, asSecret(validation), place, context, () => asSecret(read()));
  return { validation, ...(key === undefined ? {} : { uses: { validation: { key } } }) };
}

function checked(read: ReadValidation, at: Place): ReadValidation {
  checkValidation(read.validation, at);
  return read;
}

/** Protocols may also stand in one item with commas between them. */
function readAlpn(protocols: readonly string[], at: Place): string[] {
  const names = protocols.join(',').split(',');
  if (names.length === 1 && names[0] === '') return [];
  if (names.some((name) => name === '' || Buffer.byteLength(name) > LONGEST_PROTOCOL)) {
    at.report('Invalid ALPN protocol string');
  }
  return names;
}

function readKeyLog(message: TlsKeyLog, at: Place): KeyLogConfig {
  checkKeyLog(message, at);
  const { path, localAddressRange, remoteAddressRange } = message;
  checkWritable(path, at.field('path'));
  return {
    path,
    localRanges: readCidrRanges(localAddressRange, at.field('local_address_range')),
    remoteRanges: readCidrRanges(remoteAddressRange, at.field('remote_address_range')),
  };
}
