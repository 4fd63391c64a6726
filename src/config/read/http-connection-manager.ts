/**
 * The HTTP connection manager, with Envoy's defaults. Follows
 * envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.
 */
import type { Place } from '#api/place.ts';
import { hexOf, xxHash64Text } from '#base/xx-hash.ts';
import { sourceKey } from '#config/model/config-source.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteTable } from '#config/model/route.ts';
import { readAccessLogs } from '#config/read/access-log.ts';
import { readAccessLogOptions } from '#config/read/access-log-options.ts';
import { readCidrRanges } from '#config/read/address.ts';
import { readClientCert } from '#config/read/client-cert.ts';
import { readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import type { ExtensionReader } from '#config/read/extensions.ts';
import { readHttpFilters } from '#config/read/http-filters.ts';
import { readHttp2ProtocolOptions } from '#config/read/http2-options.ts';
import { readLocalReply } from '#config/read/local-reply.ts';
import { readOriginalIpDetection } from '#config/read/original-ip.ts';
import { readCommonHttpProtocolOptions, readHttp1ProtocolOptions } from '#config/read/protocol-options.ts';
import { readRequestIdExtension } from '#config/read/request-id-extension.ts';
import { readRouteTable } from '#config/read/route-table.ts';
import { readScopedRoutes } from '#config/read/scoped-routes.ts';
import { honours } from '#config/read/support.ts';
import { readUpgradeConfigs } from '#config/read/upgrade-configs.ts';
import type { SchemeHeaderTransformation } from '#envoy/config/core/v3/protocol_pb.js';
import type {
  HttpConnectionManager_InternalAddressConfig,
  HttpConnectionManager as HttpConnectionManagerMessage,
  Rds,
} from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const TYPE = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

const check = honours(
  TYPE,
  [
    'codec_type',
    'stat_prefix',
    'route_config',
    'rds',
    'scoped_routes',
    'http_filters',
    'add_user_agent',
    'common_http_protocol_options',
    'http_protocol_options',
    'http2_protocol_options',
    'drain_timeout_jitter',
    'original_ip_detection_extensions',
    'stream_flush_timeout',
    'server_name',
    'server_header_transformation',
    'max_request_headers_kb',
    'stream_idle_timeout',
    'request_timeout',
    'request_headers_timeout',
    'drain_timeout',
    'delayed_close_timeout',
    'access_log',
    'access_log_flush_interval',
    'flush_access_log_on_new_request',
    'access_log_options',
    'use_remote_address',
    'xff_num_trusted_hops',
    'internal_address_config',
    'skip_xff_append',
    'via',
    'generate_request_id',
    'preserve_external_request_id',
    'always_set_request_id_in_response',
    'forward_client_cert_details',
    'set_current_client_cert_details',
    'forward_client_cert_matcher',
    'proxy_100_continue',
    'represent_ipv4_remote_address_as_ipv4_mapped_ipv6',
    'normalize_path',
    'merge_slashes',
    'path_with_escaped_slashes_action',
    'request_id_extension',
    'local_reply_config',
    'strip_matching_host_port',
    'strip_any_host_port',
    'strip_trailing_host_dot',
    'append_x_forwarded_port',
    'scheme_header_transformation',
    'stream_error_on_invalid_http_message',
    'upgrade_configs',
    'http1_safe_max_connection_duration',
    'add_proxy_protocol_connection_state',
  ],
  {
    refused: {
      tracing: 'tracing comes later',
      http3_protocol_options: 'HTTP/3 comes later',
      early_header_mutation_extensions: 'no such extension runs here yet',
      path_normalization_options: 'normalize_path and merge_slashes work',
      proxy_status_config: 'the proxy-status header comes later',
      typed_header_validation_config: 'headers are checked by the codec',
      append_local_overload: 'overload actions come later',
      forward_proto_config: 'x-forwarded-proto says how the connection came',
    },
  },
);
const checkInternalAddress = honours(`${TYPE}.InternalAddressConfig`, ['unix_sockets', 'cidr_ranges']);
const checkRds = honours('envoy.extensions.filters.network.http_connection_manager.v3.Rds', [
  'config_source',
  'route_config_name',
]);
const checkScheme = honours('envoy.config.core.v3.SchemeHeaderTransformation', [
  'scheme_to_overwrite',
  'match_upstream',
]);
const MINUTE = 60_000;
const DEFAULT_HEADERS_KB = 60;

/* By the numbers of the enums. */
const CODECS = ['AUTO', 'HTTP1', 'HTTP2', 'HTTP3'] as const;
const SERVER_HEADER = ['OVERWRITE', 'APPEND_IF_ABSENT', 'PASS_THROUGH'] as const;
const ESCAPED_SLASHES = [
  'IMPLEMENTATION_SPECIFIC_DEFAULT',
  'KEEP_UNCHANGED',
  'REJECT_REQUEST',
  'UNESCAPE_AND_REDIRECT',
  'UNESCAPE_AND_FORWARD',
] as const;

export function readHttpConnectionManager(
  message: HttpConnectionManagerMessage,
  at: Place,
  context: ReadContext,
): HttpConnectionManager {
  check(message, at);
  const { internalAddressConfig, localReplyConfig, requestIdExtension } = message;
  const originalIpDetection = readOriginalIpDetection(message, at);
  const httpFilters = readHttpFilters(message.httpFilters, at.field('http_filters'), context);
  return {
    codecType: readCodecType(message, at),
    statPrefix: message.statPrefix,
    routes: readRoutes(message, at, context),
    httpFilters,
    serverName: message.serverName === '' ? 'envoy' : message.serverName,
    serverHeaderTransformation: SERVER_HEADER[message.serverHeaderTransformation] ?? 'OVERWRITE',
    addUserAgent: message.addUserAgent ?? false,
    useRemoteAddress: message.useRemoteAddress ?? false,
    xffNumTrustedHops: message.xffNumTrustedHops,
    ...(originalIpDetection === undefined ? {} : { originalIpDetection }),
    skipXffAppend: message.skipXffAppend,
    ...(internalAddressConfig === undefined
      ? {}
      : { internalAddressConfig: readInternalAddresses(internalAddressConfig, at.field('internal_address_config')) }),
    ...readScheme(message.schemeHeaderTransformation, at.field('scheme_header_transformation')),
    appendXForwardedPort: message.appendXForwardedPort,
    via: message.via,
    generateRequestId: message.generateRequestId ?? true,
    preserveExternalRequestId: message.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: message.alwaysSetRequestIdInResponse,
    requestIdExtension: readRequestIdExtension(requestIdExtension, at.field('request_id_extension'), context),
    ...readClientCert(message, at),
    proxy100Continue: message.proxy100Continue,
    representIpv4RemoteAddressAsIpv4MappedIpv6: message.representIpv4RemoteAddressAsIpv4MappedIpv6,
    upgradeConfigs: readUpgradeConfigs(message.upgradeConfigs, at.field('upgrade_configs'), httpFilters, context),
    ...(message.normalizePath === undefined ? {} : { normalizePath: message.normalizePath }),
    mergeSlashes: message.mergeSlashes,
    pathWithEscapedSlashesAction: ESCAPED_SLASHES[message.pathWithEscapedSlashesAction],
    stripHostPort: readStripHostPort(message, at),
    stripTrailingHostDot: message.stripTrailingHostDot,
    streamIdleTimeout: millisecondsOr(message.streamIdleTimeout, 5 * MINUTE),
    streamFlushTimeout: millisecondsOr(message.streamFlushTimeout ?? message.streamIdleTimeout, 5 * MINUTE),
    requestTimeout: millisecondsOr(message.requestTimeout, 0),
    requestHeadersTimeout: millisecondsOr(message.requestHeadersTimeout, 0),
    drainTimeout: millisecondsOr(message.drainTimeout, 5000),
    drainTimeoutJitter: message.drainTimeoutJitter?.value ?? 0,
    delayedCloseTimeout: millisecondsOr(message.delayedCloseTimeout, 1000),
    maxRequestHeadersKb: message.maxRequestHeadersKb ?? DEFAULT_HEADERS_KB,
    http1SafeMaxConnectionDuration: message.http1SafeMaxConnectionDuration,
    addProxyProtocolConnectionState: message.addProxyProtocolConnectionState ?? true,
    common: readCommon(message, at.field('common_http_protocol_options')),
    http1: readHttp1ProtocolOptions(message.httpProtocolOptions, at.field('http_protocol_options')),
    http2: readHttp2ProtocolOptions(message.http2ProtocolOptions, at.field('http2_protocol_options')),
    ...(localReplyConfig === undefined
      ? {}
      : { localReply: readLocalReply(localReplyConfig, at.field('local_reply_config'), context) }),
    accessLog: readAccessLogs(message.accessLog, at.field('access_log'), context),
    accessLogOptions: readAccessLogOptions(message, at),
    streamErrorOnInvalidHttpMessage: message.streamErrorOnInvalidHttpMessage ?? false,
  };
}

function readCommon(
  { commonHttpProtocolOptions: options }: HttpConnectionManagerMessage,
  at: Place,
): HttpConnectionManager['common'] {
  if (options?.maxResponseHeadersKb !== undefined) {
    const place = at.field('max_response_headers_kb');
    place.report('Error: max_response_headers_kb cannot be set on http_connection_manager.');
  }
  return readCommonHttpProtocolOptions(options, at);
}

function readCodecType({ codecType }: HttpConnectionManagerMessage, at: Place): HttpConnectionManager['codecType'] {
  const codec = CODECS[codecType] ?? 'AUTO';
  if (codec !== 'HTTP3') return codec;
  throw at.field('codec_type').problem(`codec_type ${codec} is not supported by Fairlead: AUTO, HTTP1 and HTTP2 are`);
}

function readRds(message: Rds, at: Place, context: ReadContext): HttpConnectionManager['routes'] {
  checkRds(message, at);
  const { configSource, routeConfigName } = message;
  const place = at.field('config_source');
  if (configSource === undefined) throw place.missing();
  const source = readConfigSource(configSource, place, context);
  return { kind: 'rds', routeConfigName, source, key: `${sourceKey(source)} ${routeConfigName}` };
}

/** Tells apart tables that stand in listeners. */
function inlineKey(table: RouteTable): string {
  return `inline ${hexOf(xxHash64Text(JSON.stringify(table)))} ${table.name}`;
}

function readRoutes(
  { routeSpecifier: given }: HttpConnectionManagerMessage,
  at: Place,
  context: ReadContext,
): HttpConnectionManager['routes'] {
  switch (given.case) {
    case 'routeConfig': {
      const table = readRouteTable(given.value, at.field('route_config'), context);
      return { kind: 'inline', table, ...(table.vhds === undefined ? {} : { key: inlineKey(table) }) };
    }
    case 'rds':
      return readRds(given.value, at.field('rds'), context);
    case 'scopedRoutes':
      return { kind: 'scoped', scoped: readScopedRoutes(given.value, at.field('scoped_routes'), context) };
    default:
      throw at.problem('one of route_config, rds, scoped_routes is required');
  }
}

function readInternalAddresses(
  message: HttpConnectionManager_InternalAddressConfig,
  at: Place,
): NonNullable<HttpConnectionManager['internalAddressConfig']> {
  checkInternalAddress(message, at);
  return {
    unixSockets: message.unixSockets,
    cidrRanges: readCidrRanges(message.cidrRanges, at.field('cidr_ranges')),
  };
}

function readStripHostPort(
  { stripMatchingHostPort, stripPortMode }: HttpConnectionManagerMessage,
  at: Place,
): HttpConnectionManager['stripHostPort'] {
  const any = stripPortMode.case === 'stripAnyHostPort' && stripPortMode.value;
  if (any && stripMatchingHostPort) {
    throw at
      .field('strip_matching_host_port')
      .problem('Error: Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.');
  }
  if (any) return 'any';
  return stripMatchingHostPort ? 'matching' : 'none';
}

export const httpConnectionManagerReader: ExtensionReader = {
  name: 'envoy.filters.network.http_connection_manager',
  message: TYPE,
  category: 'network_filter',
  terminal: true,
  read: (message, at, context) => readHttpConnectionManager(message as HttpConnectionManagerMessage, at, context),
};

function readScheme(
  message: SchemeHeaderTransformation | undefined,
  at: Place,
): Pick<HttpConnectionManager, 'schemeHeaderTransformation'> {
  if (message === undefined) return {};
  checkScheme(message, at);
  const { transformation, matchUpstream } = message;
  const schemeToOverwrite =
    transformation.case === 'schemeToOverwrite' ? (transformation.value as 'http' | 'https') : '';
  return { schemeHeaderTransformation: { schemeToOverwrite, matchUpstream } };
}
