/**
 * How a cluster speaks HTTP to its hosts: `HttpProtocolOptions`, or the cluster's older fields.
 * Follows envoy.extensions.upstreams.http.v3.HttpProtocolOptions.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { UpstreamHttpOptions } from '#config/model/cluster.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readHashPolicies } from '#config/read/hash-policy.ts';
import { readHttp2ProtocolOptions } from '#config/read/http2-options.ts';
import { readMirrorPolicies } from '#config/read/mirror-policy.ts';
import { readCommonHttpProtocolOptions, readUpstreamHttp1ProtocolOptions } from '#config/read/protocol-options.ts';
import { REDIS_OPTIONS } from '#config/read/redis-options.ts';
import { readRetryPolicy } from '#config/read/retry-policy.ts';
import { honours } from '#config/read/support.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  UpstreamHttpProtocolOptions,
} from '#envoy/config/core/v3/protocol_pb.js';
import type { HttpFilter } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type {
  HttpProtocolOptions,
  HttpProtocolOptions_AutoHttpConfig,
  HttpProtocolOptions_ExplicitHttpConfig,
  HttpProtocolOptions_UseDownstreamHttpConfig,
} from '#envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';

const NAME = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const UPSTREAM_CODEC = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec';
const HTTP3_LATER = 'HTTP/3 is not spoken';

const check = honours(
  NAME,
  [
    'common_http_protocol_options',
    'upstream_http_protocol_options',
    'explicit_http_config',
    'use_downstream_protocol_config',
    'auto_config',
    'http_filters',
    'request_mirror_policies',
    'hash_policy',
    'retry_policy',
  ],
  { refused: { outlier_detection: 'outlier detection comes later' } },
);
const checkExplicit = honours(`${NAME}.ExplicitHttpConfig`, ['http_protocol_options', 'http2_protocol_options'], {
  refused: { http3_protocol_options: HTTP3_LATER },
});
const checkAuto = honours(`${NAME}.AutoHttpConfig`, ['http_protocol_options', 'http2_protocol_options'], {
  refused: { http3_protocol_options: HTTP3_LATER },
});
const checkUseDownstream = honours(
  `${NAME}.UseDownstreamHttpConfig`,
  ['http_protocol_options', 'http2_protocol_options'],
  {
    refused: { http3_protocol_options: HTTP3_LATER },
  },
);
const checkUpstream = honours('envoy.config.core.v3.UpstreamHttpProtocolOptions', [
  'auto_sni',
  'auto_san_validation',
  'override_auto_sni_header',
]);
const checkCodec = honours(UPSTREAM_CODEC, []);
const checkFilter = honours(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ['name', 'typed_config'],
  { where: 'upstream' },
);

const USE_DOWNSTREAM = 1;

export function readUpstreamHttp(cluster: Cluster, at: Place, context: ReadContext): UpstreamHttpOptions {
  const place = at.field('typed_extension_protocol_options');
  let options: UpstreamHttpOptions | undefined;
  for (const [name, any] of Object.entries(cluster.typedExtensionProtocolOptions)) {
    const entry = place.key(name);
    if (name === REDIS_OPTIONS) continue;
    const { type, message } = unpack(any, entry);
    if (name !== NAME) throw unknownOptions(name, entry);
    if (type.typeName !== NAME) throw entry.problem(`Unable to unpack as ${NAME}: it is a ${type.typeName}`);
    options = readOptions(message as HttpProtocolOptions, entry, context);
  }
  return options ?? readOlderFields(cluster, at);
}

function unknownOptions(name: string, at: Place) {
  if (name.startsWith('envoy.')) return at.problem(`protocol options of '${name}' are not supported by Fairlead yet`);
  const words = "Didn't find a registered network or http filter or protocol options implementation for name";
  return at.problem(`${words}: '${name}'`);
}

function readOptions(message: HttpProtocolOptions, at: Place, context: ReadContext): UpstreamHttpOptions {
  check(message, at);
  readUpstreamFilters(message.httpFilters, at.field('http_filters'), context);
  const { upstreamHttpProtocolOptions: sni } = message;
  if (sni !== undefined) checkUpstream(sni, at.field('upstream_http_protocol_options'));
  const { protocol, http1, http2, place } = readProtocol(message, at);
  return {
    protocol,
    common: readCommonHttpProtocolOptions(
      message.commonHttpProtocolOptions,
      at.field('common_http_protocol_options'),
      'upstream',
    ),
    http1: readUpstreamHttp1ProtocolOptions(http1, place.field('http_protocol_options')),
    http2: readHttp2ProtocolOptions(http2, place.field('http2_protocol_options')),
    ...readSni(sni),
    ...readPolicies(message, at, context),
  };
}

/** Envoy does not look whether the clusters of mirrors are there. */
function readPolicies(
  { requestMirrorPolicies: mirrors, hashPolicy, retryPolicy }: HttpProtocolOptions,
  at: Place,
  context: ReadContext,
): Pick<UpstreamHttpOptions, 'retryPolicy' | 'hashPolicy' | 'requestMirrorPolicies'> {
  const place = at.field('request_mirror_policies');
  return {
    ...(mirrors.length > 0 && {
      requestMirrorPolicies: readMirrorPolicies(mirrors, place, { ...context, clusterNames: undefined }),
    }),
    ...(hashPolicy.length > 0 && { hashPolicy: readHashPolicies(hashPolicy, at.field('hash_policy')) }),
    ...(retryPolicy && { retryPolicy: readRetryPolicy(retryPolicy, at.field('retry_policy'), context) }),
  };
}

interface Protocol {
  protocol: UpstreamHttpOptions['protocol'];
  http1?: Http1ProtocolOptions | undefined;
  http2?: Http2ProtocolOptions | undefined;
  /** Of the message that both are in. */
  place: Place;
}

function readProtocol(message: HttpProtocolOptions, at: Place): Protocol {
  const { upstreamProtocolOptions: chosen } = message;
  switch (chosen.case) {
    case 'autoConfig':
      return both('auto', chosen.value, at.field('auto_config'), checkAuto);
    case 'useDownstreamProtocolConfig': {
      const place = at.field('use_downstream_protocol_config');
      return both('use_downstream', chosen.value, place, checkUseDownstream);
    }
    default:
      return readExplicit(chosen.value, at.field('explicit_http_config'));
  }
}

function both<M extends HttpProtocolOptions_AutoHttpConfig | HttpProtocolOptions_UseDownstreamHttpConfig>(
  protocol: UpstreamHttpOptions['protocol'],
  message: M,
  at: Place,
  checkFields: (message: M, at: Place) => void,
): Protocol {
  checkFields(message, at);
  return { protocol, http1: message.httpProtocolOptions, http2: message.http2ProtocolOptions, place: at };
}

function readExplicit(message: HttpProtocolOptions_ExplicitHttpConfig | undefined, at: Place): Protocol {
  if (message !== undefined) checkExplicit(message, at);
  const config = message?.protocolConfig;
  if (config?.case === 'http2ProtocolOptions') return { protocol: 'http2', http2: config.value, place: at };
  return { protocol: 'http1', http1: config?.case === 'httpProtocolOptions' ? config.value : undefined, place: at };
}

function readSni(message: UpstreamHttpProtocolOptions | undefined) {
  return {
    autoSni: message?.autoSni ?? false,
    autoSanValidation: message?.autoSanValidation ?? false,
    overrideAutoSniHeader: message?.overrideAutoSniHeader.toLowerCase() ?? '',
  };
}

/** Filters of the upstream: the codec, which is there anyway, and nothing else yet. */
function readUpstreamFilters(filters: readonly HttpFilter[], at: Place, context: ReadContext): void {
  for (let i = 0; i < filters.length; i++) {
    const { name, configType } = filters[i];
    const place = at.index(i);
    checkFilter(filters[i], place);
    if (configType.case !== 'typedConfig') continue;
    const config = place.field('typed_config');
    const { typeName, message } = extensionMessage(configType.value, name, config, context);
    if (typeName === UPSTREAM_CODEC) {
      checkCodec(message, config);
      continue;
    }
    const terminal = context.extensions.find(typeName, 'http_filter')?.terminal;
    if (terminal || (i === filters.length - 1 && typeName.endsWith('.Router'))) {
      throw config.problem(`The codec filter is the only valid terminal upstream HTTP filter, use '${UPSTREAM_CODEC}'`);
    }
    throw unsupportedExtension(name, typeName, 'upstream HTTP filter', config);
  }
}

/** The fields from before there were HttpProtocolOptions. */
function readOlderFields(cluster: Cluster, at: Place): UpstreamHttpOptions {
  const { httpProtocolOptions, http2ProtocolOptions, upstreamHttpProtocolOptions: sni } = cluster;
  const useDownstream = cluster.protocolSelection === USE_DOWNSTREAM;
  if (httpProtocolOptions !== undefined && http2ProtocolOptions !== undefined && !useDownstream) {
    const words = "Both HTTP1 and HTTP2 options may only be configured with non-default 'protocol_selection' values";
    throw at.field('http2_protocol_options').problem(`cluster: ${words}`);
  }
  if (sni !== undefined) checkUpstream(sni, at.field('upstream_http_protocol_options'));
  const common = readCommonHttpProtocolOptions(
    cluster.commonHttpProtocolOptions,
    at.field('common_http_protocol_options'),
    'upstream',
  );
  const limit = cluster.maxRequestsPerConnection;
  return {
    protocol: useDownstream ? 'use_downstream' : http2ProtocolOptions !== undefined ? 'http2' : 'http1',
    common: limit === undefined ? common : { ...common, maxRequestsPerConnection: limit },
    http1: readUpstreamHttp1ProtocolOptions(httpProtocolOptions, at.field('http_protocol_options')),
    http2: readHttp2ProtocolOptions(http2ProtocolOptions, at.field('http2_protocol_options')),
    ...readSni(sni),
  };
}
