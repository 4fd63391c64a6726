/**
 * Certificates with their keys, checked as they are read.
 * Follows envoy.extensions.transport_sockets.tls.v3.TlsCertificate.
 */
import type { Place } from '#api/place.ts';
import { PlacedError } from '#api/place.ts';
import type { TlsBytes, TlsCertificate } from '#config/model/tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import { stapleProblem } from '#config/read/ocsp-staple.ts';
import { honours } from '#config/read/support.ts';
import { chainProblem, keyProblem, leafSerial } from '#config/read/tls-material.ts';
import type { DataSource } from '#envoy/config/core/v3/base_pb.js';
import type { TlsCertificate as TlsCertificateMessage } from '#envoy/extensions/transport_sockets/tls/v3/common_pb.js';

const check = honours(
  'envoy.extensions.transport_sockets.tls.v3.TlsCertificate',
  ['certificate_chain', 'private_key', 'password', 'ocsp_staple', 'watched_directory'],
  {
    refused: {
      pkcs12: 'write certificate_chain and private_key in PEM',
      private_key_provider: 'keys that stay in hardware come later',
      signed_certificate_timestamp: 'Envoy does not use it either',
      tls_params: 'Envoy does not use it either; write those of the context',
    },
  },
);

/**
 * @param secretName name of the static secret that it came from; empty where it stands in the context itself.
 * @returns undefined where nothing is set in it: Envoy passes over such a one.
 * @throws PlacedError with Envoy's words where chain and key are not a certificate and its key.
 */
export function readTlsCertificate(
  message: TlsCertificateMessage,
  secretName: string,
  at: Place,
  context: ReadContext,
): TlsCertificate | undefined {
  check(message, at);
  const { certificateChain, privateKey } = message;
  if (certificateChain === undefined && privateKey === undefined) return undefined;
  const chain = readPart(certificateChain, at, 'certificate_chain', context);
  const key = readPart(privateKey, at, 'private_key', context);
  const password = readSecretText(message.password, at.field('password'), context);
  const badChain = chainProblem(chain);
  if (badChain !== '') throw at.field('certificate_chain').problem(badChain);
  const badKey = keyProblem(chain, key, password);
  if (badKey !== '') throw at.field('private_key').problem(badKey);
  const ocspStaple = readStaple(message.ocspStaple, chain, at.field('ocsp_staple'), context);
  return {
    chain,
    key,
    password,
    ...(ocspStaple === undefined ? {} : { ocspStaple }),
    secretName,
  };
}

const MISSING = {
  certificate_chain: (path: string) => `Failed to load incomplete certificate from ${path}: certificate chain not set`,
  private_key: (path: string) => `Failed to load incomplete private key from path: ${path}`,
};

/** A chain or a key. A file that is not there is to Envoy one that is not set; why, we say beside. */
function readPart(
  source: DataSource | undefined,
  at: Place,
  field: keyof typeof MISSING,
  context: ReadContext,
): TlsBytes {
  if (source === undefined) throw at.problem(MISSING[field](''));
  const place = at.field(field);
  const path = source.specifier.case === 'filename' ? source.specifier.value : '';
  try {
    const { bytes } = readDataSource(source, place, context);
    if (bytes.length > 0) return { pem: bytes.toString('latin1'), path };
  } catch (error) {
    if (path === '' || !(error instanceof PlacedError)) throw error;
    throw place.field('filename').problem(MISSING[field](path), error.problem.message);
  }
  throw place.problem(MISSING[field](path));
}

function readSecretText(source: DataSource | undefined, at: Place, context: ReadContext): string {
  return source === undefined ? '' : readDataSource(source, at, context).bytes.toString();
}

/** No bytes are no staple. */
function readStaple(
  source: DataSource | undefined,
  chain: TlsBytes,
  at: Place,
  context: ReadContext,
): Uint8Array | undefined {
  if (source === undefined) return undefined;
  if (source.specifier.case === 'inlineString') {
    throw at.field('inline_string').problem('OCSP staple cannot be provided via inline_string');
  }
  const { bytes } = readDataSource(source, at, context);
  if (bytes.length === 0) return undefined;
  const problem = stapleProblem(bytes, leafSerial(chain));
  if (problem !== '') throw at.problem(problem);
  return new Uint8Array(bytes);
}
