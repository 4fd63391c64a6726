/**
 * What stands between a socket and its bytes: nothing, or TLS.
 * Follows envoy.config.core.v3.TransportSocket, DownstreamTlsContext and UpstreamTlsContext.
 */
import type { Message } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import type { TapConfig } from '#config/model/tap.ts';
import type { DownstreamTransport, UpstreamTls, UpstreamTransport } from '#config/model/tls.ts';
import { readCommonTls } from '#config/read/common-tls.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDownstreamTls } from '#config/read/downstream-tls.ts';
import { extensionMessage, unknownExtension, unsupportedExtension } from '#config/read/extensions.ts';
import { internalTransport } from '#config/read/internal-transport.ts';
import { honours } from '#config/read/support.ts';
import { readTap, TAP } from '#config/read/tap.ts';
import { PROXY_PROTOCOL, readProxyProtocolOut } from '#config/read/upstream-proxy-protocol.ts';
import type { TransportSocket } from '#envoy/config/core/v3/base_pb.js';
import type { ProxyProtocolUpstreamTransport } from '#envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js';
import type {
  StartTlsConfig,
  UpstreamStartTlsConfig,
} from '#envoy/extensions/transport_sockets/starttls/v3/starttls_pb.js';
import type { Tap } from '#envoy/extensions/transport_sockets/tap/v3/tap_pb.js';
import type { DownstreamTlsContext, UpstreamTlsContext } from '#envoy/extensions/transport_sockets/tls/v3/tls_pb.js';

const SOCKETS = 'envoy.extensions.transport_sockets';
const RAW = `${SOCKETS}.raw_buffer.v3.RawBuffer`;
const DOWNSTREAM = `${SOCKETS}.tls.v3.DownstreamTlsContext`;
const UPSTREAM = `${SOCKETS}.tls.v3.UpstreamTlsContext`;

const STARTTLS = `${SOCKETS}.starttls.v3.StartTlsConfig`;
const UPSTREAM_STARTTLS = `${SOCKETS}.starttls.v3.UpstreamStartTlsConfig`;
/** Why others are not here. */
const REASONS: Readonly<Record<string, string>> = {
  [`${SOCKETS}.alts.v3.Alts`]: "its handshake is Google's, outside of the proxy",
  [`${SOCKETS}.http_11_proxy.v3.Http11ProxyUpstreamTransport`]: 'proxies on the way to hosts come later',
  [`${SOCKETS}.quic.v3.QuicDownstreamTransport`]: 'HTTP/3 is not spoken',
  [`${SOCKETS}.quic.v3.QuicUpstreamTransport`]: 'HTTP/3 is not spoken',
  [`${SOCKETS}.tcp_stats.v3.Config`]: "Node does not tell the kernel's numbers of a connection",
};

const check = honours('envoy.config.core.v3.TransportSocket', ['name', 'typed_config']);
const checkRaw = honours(RAW, []);
const checkStartTls = honours(STARTTLS, ['cleartext_socket_config', 'tls_socket_config']);
const checkUpstreamStartTls = honours(UPSTREAM_STARTTLS, ['cleartext_socket_config', 'tls_socket_config']);
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
  const around = message && wrapper(message, at, context);
  if (around?.typeName === STARTTLS) {
    const { tlsSocketConfig } = readStartTls(around.config, checkStartTls, at.field('typed_config'));
    if (tlsSocketConfig !== undefined) {
      const inside = at.field('typed_config').field('tls_socket_config');
      readDownstreamTls(tlsSocketConfig as DownstreamTlsContext, inside, context);
    }
    return { kind: 'raw_buffer' };
  }
  if (around?.typeName === TAP) {
    return withTap(around.config as Tap, at, (inner, inside) => readDownstreamTransport(inner, inside, context));
  }
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
  const around = message && wrapper(message, at, context);
  if (around?.typeName === PROXY_PROTOCOL) {
    const { transportSocket } = around.config as ProxyProtocolUpstreamTransport;
    const inside = at.field('typed_config').field('transport_socket');
    const inner = readUpstreamTransport(transportSocket, inside, context);
    const proxyProtocol = readProxyProtocolOut(
      around.config as ProxyProtocolUpstreamTransport,
      at.field('typed_config'),
    );
    return { ...inner, proxyProtocol };
  }
  if (around?.typeName === TAP) {
    return withTap(around.config as Tap, at, (inner, inside) => readUpstreamTransport(inner, inside, context));
  }
  if (around?.typeName === UPSTREAM_STARTTLS) {
    const { tlsSocketConfig } = readStartTls(around.config, checkUpstreamStartTls, at.field('typed_config'));
    if (tlsSocketConfig === undefined) throw at.field('typed_config').field('tls_socket_config').missing();
    readUpstreamTls(
      tlsSocketConfig as UpstreamTlsContext,
      at.field('typed_config').field('tls_socket_config'),
      context,
    );
    return { kind: 'raw_buffer' };
  }
  const found = findTransport(message, UPSTREAM, DOWNSTREAM, at, context);
  if (found === undefined) return { kind: 'raw_buffer' };
  return { kind: 'tls', tls: readUpstreamTls(found as UpstreamTlsContext, at.field('typed_config'), context) };
}

/** @param at of the transport socket that is the tap. @param read for the transport in it */
function withTap<T>(
  config: Tap,
  at: Place,
  read: (inner: TransportSocket | undefined, inside: Place) => T,
): T & { tap: TapConfig } {
  const place = at.field('typed_config');
  const tap = readTap(config, place);
  return { ...read(config.transportSocket, place.field('transport_socket')), tap };
}

/** The transport's type and configuration. */
function wrapper({ name, configType }: TransportSocket, at: Place, context: ReadContext) {
  const { typeName, message } = extensionMessage(configType.value, name, at.field('typed_config'), context);
  return { typeName, config: message };
}

/** Connections begin in cleartext; nothing here asks for TLS in the middle of one, as filters of databases do. Its TLS is checked all the same. */
function readStartTls(config: Message, check: (message: Message, at: Place) => void, at: Place) {
  check(config, at);
  return config as StartTlsConfig | UpstreamStartTlsConfig;
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
  if (typeName in REASONS)
    throw place.problem(`transport socket '${name}' (${typeName}) is not supported by Fairlead: ${REASONS[typeName]}`);
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
