/**
 * The router filter, which ends every chain of HTTP filters. Follows envoy.extensions.filters.http.router.v3.Router.
 */
import type { Place } from '#api/place.ts';
import type { RouterConfig } from '#config/model/router.ts';
import { readAccessLogs } from '#config/read/access-log.ts';
import type { ReadContext } from '#config/read/context.ts';
import type { ExtensionReader } from '#config/read/extensions.ts';
import { honours } from '#config/read/support.ts';
import type { Router } from '#envoy/extensions/filters/http/router/v3/router_pb.js';

const TYPE = 'envoy.extensions.filters.http.router.v3.Router';
const UPSTREAM_CODEC = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec';

const check = honours(
  TYPE,
  [
    'dynamic_stats',
    'upstream_log',
    'suppress_envoy_headers',
    'strict_check_headers',
    'respect_expected_rq_timeout',
    'suppress_grpc_request_failure_code_stats',
    'upstream_http_filters',
  ],
  {
    withoutEffect: {
      start_child_span: 'nothing is traced yet',
    },
    refused: {
      upstream_log_options: 'the upstream log is written when a try ends',
      reject_connect_request_early_data: 'CONNECT comes later',
    },
  },
);

export function readRouter(message: Router, at: Place, context: ReadContext): RouterConfig {
  check(message, at);
  if (message.dynamicStats === false) {
    at.collect(at.field('dynamic_stats').unsupported('the stats of answers by code are always kept'));
  }
  const filters = at.field('upstream_http_filters');
  for (const [i, { configType }] of message.upstreamHttpFilters.entries()) {
    const isCodec = configType.case === 'typedConfig' && configType.value.typeUrl.endsWith(UPSTREAM_CODEC);
    if (!isCodec)
      filters.index(i).report('upstream HTTP filters other than the upstream codec are not supported by Fairlead yet');
  }
  return {
    upstreamLog: readAccessLogs(message.upstreamLog, at.field('upstream_log'), context),
    suppressEnvoyHeaders: message.suppressEnvoyHeaders,
    strictCheckHeaders: message.strictCheckHeaders.map((name) => name.toLowerCase()),
    respectExpectedRqTimeout: message.respectExpectedRqTimeout,
    suppressGrpcRequestFailureCodeStats: message.suppressGrpcRequestFailureCodeStats,
  };
}

export const routerReader: ExtensionReader = {
  name: 'envoy.filters.http.router',
  message: TYPE,
  category: 'http_filter',
  terminal: true,
  read: (message, at, context) => readRouter(message as Router, at, context),
};
