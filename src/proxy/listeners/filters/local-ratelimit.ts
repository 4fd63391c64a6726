/**
 * Closes connections that come faster than a token bucket fills.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/local_rate_limit_filter
 */
import { TokenBucket } from '#base/token-bucket.ts';
import { readRuntimeFeatureFlag } from '#config/read/runtime-feature-flag.ts';
import { honours } from '#config/read/support.ts';
import { readTokenBucket } from '#config/read/token-bucket.ts';
import type { LocalRateLimit } from '#envoy/extensions/filters/listener/local_ratelimit/v3/local_ratelimit_pb.js';
import { Close, Continue, listenerFilter } from '#proxy/listeners/listener-filter.ts';
import { clock } from '#proxy/transport/io-event.ts';

const TYPE = 'envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit';
const check = honours(TYPE, ['stat_prefix', 'token_bucket', 'runtime_enabled']);

export const localRateLimit = listenerFilter({
  name: 'envoy.filters.listener.local_ratelimit',
  message: TYPE,

  config(message: LocalRateLimit, at) {
    check(message, at);
    return {
      statPrefix: message.statPrefix,
      bucket: readTokenBucket(message.tokenBucket, at.field('token_bucket')),
      enabled: readRuntimeFeatureFlag(message.runtimeEnabled, at.field('runtime_enabled'), true),
    };
  },

  stats: (scope, { statPrefix }) => ({
    rateLimited: scope.scope(`listener_local_ratelimit.${statPrefix}`).counter('rate_limited'),
  }),

  prepare: ({ bucket, enabled: { runtimeKey, defaultValue } }, { runtime }) => ({
    bucket: new TokenBucket(bucket),
    enabled: () => (runtimeKey === '' ? defaultValue : runtime.feature(runtimeKey, defaultValue)),
  }),

  accept(_run, { prepared, stats }) {
    if (!prepared.enabled() || prepared.bucket.take(clock.wall())) return Continue;
    stats.rateLimited.inc();
    return Close;
  },
});
