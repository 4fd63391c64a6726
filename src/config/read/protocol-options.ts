/**
 * Options of HTTP in general and of HTTP/1, which listeners and clusters share.
 * Follows envoy.config.core.v3.HttpProtocolOptions and Http1ProtocolOptions.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { CommonHttpProtocolOptions, Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { millisecondsOr, optionalMilliseconds } from '#config/read/duration.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { readStringMatcher } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import type {
  Http1ProtocolOptions as Http1Message,
  Http1ProtocolOptions_HeaderKeyFormat,
  HttpProtocolOptions,
} from '#envoy/config/core/v3/protocol_pb.js';
import type { PreserveCaseFormatterConfig } from '#envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js';

const COMMON = 'envoy.config.core.v3.HttpProtocolOptions';
const COMMON_FIELDS = [
  'idle_timeout',
  'max_connection_duration',
  'max_headers_count',
  'max_response_headers_kb',
  'max_stream_duration',
  'headers_with_underscores_action',
  'max_requests_per_connection',
];
const checkCommon = honours(COMMON, [...COMMON_FIELDS, 'max_connection_duration_jitter']);
const checkUpstreamCommon = honours(COMMON, COMMON_FIELDS, {
  where: 'upstream',
  withoutEffect: { max_connection_duration_jitter: 'Envoy, too, lengthens connections of clients alone' },
});

const checkHttp1 = honours(
  'envoy.config.core.v3.Http1ProtocolOptions',
  [
    'allow_absolute_url',
    'allow_custom_methods',
    'accept_http_10',
    'default_host_for_http_10',
    'header_key_format',
    'enable_trailers',
    'allow_chunked_length',
    'override_stream_error_on_invalid_http_message',
    'send_fully_qualified_url',
    'ignore_http_11_upgrade',
  ],
  { withoutEffect: { use_balsa_parser: "it chooses between two parsers of Envoy's" } },
);

const checkFormat = honours('envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat', [
  'proper_case_words',
  'stateful_formatter',
]);
const PRESERVE_CASE = 'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig';
const checkPreserveCase = honours(PRESERVE_CASE, ['forward_reason_phrase', 'formatter_type_on_envoy_headers']);

const HOUR = 3_600_000;
const UNDERSCORES = ['ALLOW', 'REJECT_REQUEST', 'DROP_HEADER'] as const;

/** @param message may be missing: Envoy's defaults. */
export function readCommonHttpProtocolOptions(
  message: HttpProtocolOptions | undefined,
  at: Place,
  side: 'downstream' | 'upstream' = 'downstream',
): CommonHttpProtocolOptions {
  if (message !== undefined) (side === 'upstream' ? checkUpstreamCommon : checkCommon)(message, at);
  return {
    idleTimeout: millisecondsOr(message?.idleTimeout, HOUR),
    maxConnectionDuration: optionalMilliseconds(message?.maxConnectionDuration),
    maxConnectionDurationJitter: message?.maxConnectionDurationJitter?.value ?? 0,
    maxHeadersCount: message?.maxHeadersCount ?? 100,
    maxResponseHeadersKb: message?.maxResponseHeadersKb,
    maxStreamDuration: optionalMilliseconds(message?.maxStreamDuration),
    headersWithUnderscoresAction: UNDERSCORES[message?.headersWithUnderscoresAction ?? 0] ?? 'ALLOW',
    maxRequestsPerConnection: message?.maxRequestsPerConnection ?? 0,
  };
}

/** @param message may be missing: Envoy's defaults. */
export function readHttp1ProtocolOptions(message: Http1Message | undefined, at: Place): Http1ProtocolOptions {
  if (message !== undefined) checkHttp1(message, at);
  const { headerFormat, preserveCase } = readHeaderKeyFormat(message?.headerKeyFormat, at.field('header_key_format'));
  const override = message?.overrideStreamErrorOnInvalidHttpMessage;
  return {
    allowAbsoluteUrl: message?.allowAbsoluteUrl ?? true,
    allowCustomMethods: message?.allowCustomMethods ?? false,
    acceptHttp10: message?.acceptHttp10 ?? false,
    defaultHostForHttp10: message?.defaultHostForHttp10 ?? '',
    headerFormat,
    ...(preserveCase === undefined ? {} : { preserveCase }),
    enableTrailers: message?.enableTrailers ?? false,
    allowChunkedLength: message?.allowChunkedLength ?? false,
    ...(override === undefined ? {} : { overrideStreamErrorOnInvalidHttpMessage: override }),
    sendFullyQualifiedUrl: message?.sendFullyQualifiedUrl ?? false,
    ignoreHttp11Upgrade: readAll(
      message?.ignoreHttp11Upgrade ?? [],
      at.field('ignore_http_11_upgrade'),
      readStringMatcher,
    ),
  };
}

/** The same for a cluster, whose answers to upgrades are taken as they are. */
export function readUpstreamHttp1ProtocolOptions(message: Http1Message | undefined, at: Place): Http1ProtocolOptions {
  if (message !== undefined && message.ignoreHttp11Upgrade.length > 0) {
    at.collect(at.field('ignore_http_11_upgrade').unsupported('it is for listeners'));
  }
  return readHttp1ProtocolOptions(message, at);
}

type HeaderFormat = Pick<Http1ProtocolOptions, 'headerFormat' | 'preserveCase'>;

function readHeaderKeyFormat(message: Http1ProtocolOptions_HeaderKeyFormat | undefined, at: Place): HeaderFormat {
  if (message === undefined) return { headerFormat: 'lower' };
  checkFormat(message, at);
  const { headerFormat } = message;
  if (headerFormat.case === 'properCaseWords') return { headerFormat: 'proper_case_words' };
  if (headerFormat.case !== 'statefulFormatter') return { headerFormat: 'lower' };
  const { name, typedConfig } = headerFormat.value;
  const place = at.field('stateful_formatter');
  if (typedConfig === undefined) return { headerFormat: 'lower' };
  const { type, message: formatter } = unpack(typedConfig, place.field('typed_config'));
  if (type.typeName !== PRESERVE_CASE)
    throw unsupportedExtension(name, type.typeName, 'stateful header formatter', place);
  checkPreserveCase(formatter, place.field('typed_config'));
  const { forwardReasonPhrase, formatterTypeOnEnvoyHeaders } = formatter as PreserveCaseFormatterConfig;
  return {
    headerFormat: 'preserve_case',
    preserveCase: {
      forwardReasonPhrase,
      formatterTypeOnEnvoyHeaders: formatterTypeOnEnvoyHeaders === 1 ? 'PROPER_CASE' : 'DEFAULT',
    },
  };
}
