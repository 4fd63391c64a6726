/**
 * What TLS contexts of both sides have: certificates, what is asked of the peer's, protocols, parameters.
 * Follows envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Place } from '#api/place.ts';
import type { CommonTls, TlsCertificate, ValidationContext } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readAll } from '#config/read/read-all.ts';
import { findSecret } from '#config/read/secret.ts';
import { honours } from '#config/read/support.ts';
import { readTlsCertificate } from '#config/read/tls-certificate.ts';
import { readTlsParameters } from '#config/read/tls-parameters.ts';
import { checkValidation, mergeValidation, readValidationContext } from '#config/read/validation-context.ts';
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
const checkKeyLog = honours(`${TLS}.TlsKeyLog`, ['path'], {
  refused: {
    local_address_range: 'every connection of the context is logged',
    remote_address_range: 'every connection of the context is logged',
  },
});

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
  if (message === undefined) return { certificates: [], alpnProtocols: [], ...parameters, keyLogPath: '' };
  check(message, at);
  const validation = readValidation(message, at, context);
  return {
    certificates: readCertificates(message, side, at, context),
    ...(validation === undefined ? {} : { validation }),
    alpnProtocols: readAlpn(message.alpnProtocols, at.field('alpn_protocols')),
    ...parameters,
    keyLogPath: readKeyLog(message.keyLog, at.field('key_log')),
  };
}

function readCertificates(
  { tlsCertificates: own, tlsCertificateSdsSecretConfigs: named }: CommonTlsContext,
  side: 'server' | 'client',
  at: Place,
  context: ReadContext,
): TlsCertificate[] {
  if (own.length > 0 && named.length > 0 && side === 'server') {
    at.report('SDS and non-SDS TLS certificates may not be mixed in server contexts');
  }
  const read = readAll(own, at.field('tls_certificates'), (certificate, place) =>
    readTlsCertificate(certificate, '', place, context),
  );
  // A secret serves only where no certificate stands in the context itself.
  if (own.length > 0) return read;
  return readAll(named, at.field('tls_certificate_sds_secret_configs'), (reference, place) => {
    const secret = findSecret(reference, 'tlsCertificate', place, context);
    return readTlsCertificate(secret.message, secret.name, secret.at, context);
  });
}

function readValidation(message: CommonTlsContext, at: Place, context: ReadContext): ValidationContext | undefined {
  const { validationContextType: chosen } = message;
  switch (chosen.case) {
    case 'validationContext': {
      const place = at.field('validation_context');
      return checked(readValidationContext(chosen.value, '', place, context), place);
    }
    case 'validationContextSdsSecretConfig': {
      const place = at.field('validation_context_sds_secret_config');
      return checked(readNamedValidation(chosen.value, place, context), place);
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
): ValidationContext | undefined {
  checkCombined(message, at);
  const { defaultValidationContext: unnamed, validationContextSdsSecretConfig: reference } = message;
  if (unnamed === undefined || reference === undefined) return undefined;
  const under = readValidationContext(unnamed, '', at.field('default_validation_context'), context);
  const over = readNamedValidation(reference, at.field('validation_context_sds_secret_config'), context);
  return checked(mergeValidation(under, over), at);
}

function readNamedValidation(reference: SdsSecretConfig, at: Place, context: ReadContext): ValidationContext {
  const secret = findSecret(reference, 'validationContext', at, context);
  return readValidationContext(secret.message, secret.name, secret.at, context);
}

function checked(validation: ValidationContext, at: Place): ValidationContext {
  checkValidation(validation, at);
  return validation;
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

/** The file itself is made when there is something to write. */
function readKeyLog(message: TlsKeyLog | undefined, at: Place): string {
  if (message === undefined) return '';
  checkKeyLog(message, at);
  const { path } = message;
  try {
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'No such file or directory' : 'Permission denied';
    at.field('path').report(`unable to open file '${path}': ${why}`);
  }
  return path;
}
