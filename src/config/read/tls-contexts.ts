/**
 * What stands between a socket and its bytes: nothing, or TLS.
 * Follows envoy.config.core.v3.TransportSocket, DownstreamTlsContext and UpstreamTlsContext.
 */
import type { Message } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import type { DownstreamTransport, UpstreamTls, UpstreamTransport } from '#config/model/tls.ts';
import { readCommonTls } from '#config/read/common-tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDownstreamTls } from '#config/read/downstream-tls.ts';
import { extensionMessage, unknownExtension, unsupportedExtension } from '#config/read/extensions.ts';
import { internalTransport } from '#config/read/internal-transport.ts';
import { honours } from '#config/read/support.ts';
import type { TransportSocket } from '#envoy/config/core/v3/base_pb.js';
import type { DownstreamTlsContext, UpstreamTlsContext } from '#envoy/extensions/transport_sockets/tls/v3/tls_pb.js';

const SOCKETS = 'envoy.extensions.transport_sockets';
const RAW = `${SOCKETS}.raw_buffer.v3.RawBuffer`;
const DOWNSTREAM = `${SOCKETS}.tls.v3.DownstreamTlsContext`;
const UPSTREAM = `${SOCKETS}.tls.v3.UpstreamTlsContext`;

const check = honours('envoy.config.core.v3.TransportSocket', ['name', 'typed_config']);
const checkRaw = honours(RAW, []);
const checkUpstream = honours(
  UPSTREAM,
  ['common_tls_context', 'sni', 'auto_host_sni', 'auto_sni_san_validation', 'allow_renegotiation', 'max_session_keys'],
  { withoutEffect: { enforce_rsa_key_usage: 'OpenSSL has its own rules on key usage' } },
);

/** @throws PlacedError for a transport that is not ours, or TLS that cannot work. */
export function readDownstreamTransport(
  message: TransportSocket | undefined,
  at: Place,
  context: ReadContext,
): DownstreamTransport {
  const found = findTransport(message, DOWNSTREAM, UPSTREAM, at, context);
  if (found === undefined) return { kind: 'raw_buffer' };
  return { kind: 'tls', tls: readDownstreamTls(found as DownstreamTlsContext, at.field('typed_config'), context) };
}

/** As {@link readDownstreamTransport}, for the side of clusters. */
export function readUpstreamTransport(
  message: TransportSocket | undefined,
  at: Place,
  context: ReadContext,
): UpstreamTransport {
  const internal = message && internalTransport(message, at, context);
  if (internal !== undefined) {
    const inside = at.field('typed_config').field('transport_socket');
    return { ...readUpstreamTransport(internal.transportSocket, inside, context), passthrough: internal.passthrough };
  }
  const found = findTransport(message, UPSTREAM, DOWNSTREAM, at, context);
  if (found === undefined) return { kind: 'raw_buffer' };
  return { kind: 'tls', tls: readUpstreamTls(found as UpstreamTlsContext, at.field('typed_config'), context) };
}

/** @returns the TLS context of this side; undefined: none, bytes go as they are. */
function findTransport(
  message: TransportSocket | undefined,
  thisSide: string,
  otherSide: string,
  at: Place,
  context: ReadContext,
): Message | undefined {
  if (message === undefined) return undefined;
  check(message, at);
  const { name, configType } = message;
  const place = at.field('typed_config');
  const { typeName, message: config } = extensionMessage(configType.value, name, place, context);
  if (typeName === thisSide) return config;
  if (typeName === otherSide) throw unknownExtension(name, typeName, place);
  if (typeName !== RAW) throw unsupportedExtension(name, typeName, 'transport_socket', place);
  checkRaw(config, place);
  return undefined;
}

function readUpstreamTls(message: UpstreamTlsContext, at: Place, context: ReadContext): UpstreamTls {
  checkUpstream(message, at);
  const place = at.field('common_tls_context');
  const common = readCommonTls(message.commonTlsContext, 'client', place, context);
  const { tlsCertificates = [], tlsCertificateSdsSecretConfigs = [] } = message.commonTlsContext ?? {};
  if (tlsCertificates.length + tlsCertificateSdsSecretConfigs.length > 1) {
    place.report('Multiple TLS certificates are not supported for client contexts');
  }
  if (message.sni.includes('\0')) at.field('sni').report('SNI names containing NULL-byte are not allowed');
  const fetchesValidation = common.fetched?.some(({ kind }) => kind === 'validationContext') ?? false;
  if (message.autoSniSanValidation && common.validation?.trustedCa === undefined && !fetchesValidation) {
    const lacks = common.validation === undefined ? 'a validation context' : 'configuring a trusted CA';
    at.field('auto_sni_san_validation').report(`'auto_sni_san_validation' was configured without ${lacks}`);
  }
  return {
    ...common,
    sni: message.sni,
    autoHostSni: message.autoHostSni,
    autoSniSanValidation: message.autoSniSanValidation,
    allowRenegotiation: message.allowRenegotiation,
    maxSessionKeys: message.maxSessionKeys ?? 1,
  };
}
