/**
 * Closes connections for which there is no token in a bucket that all workers share.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/local_rate_limit_filter
 */
import { TokenBucket, type TokenBucketConfig } from '#base/token-bucket.ts';
import { type RuntimeFeatureFlag, readRuntimeFeatureFlag } from '#config/read/runtime-feature-flag.ts';
import { honours } from '#config/read/support.ts';
import { readTokenBucket } from '#config/read/token-bucket.ts';
import type { LocalRateLimit } from '#envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js';
import { Continue, networkFilter, Stop } from '#proxy/network/network-filter.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';
import { clock } from '#proxy/transport/io-event.ts';

const MESSAGE = 'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit';
const check = honours(MESSAGE, ['stat_prefix', 'token_bucket', 'runtime_enabled', 'share_key']);

interface Config {
  statPrefix: string;
  bucket: TokenBucketConfig;
  enabled: RuntimeFeatureFlag;
}

/** Buckets that filters with one share_key have in common; kept by their settings, as several updates may have others. */
const sharedBuckets = new Map<string, WeakRef<SharedArrayBuffer>>();

export const localRateLimit = networkFilter<Config, { rateLimited: Counter }, TokenBucket>({
  name: 'envoy.filters.network.local_ratelimit',
  message: MESSAGE,
  config(message: LocalRateLimit, at) {
    check(message, at);
    const bucket = readTokenBucket(message.tokenBucket, at.field('token_bucket'));
    return {
      statPrefix: message.statPrefix,
      bucket: message.shareKey === '' ? bucket : sharedBucket(message.shareKey, bucket),
      enabled: readRuntimeFeatureFlag(message.runtimeEnabled, at.field('runtime_enabled'), true),
    };
  },
  stats: (root: Scope, { statPrefix }) => ({
    rateLimited: root.scope(`local_rate_limit.${statPrefix}`).counter('rate_limited'),
  }),
  prepare: ({ bucket }) => new TokenBucket(bucket),

  onNewConnection(run, { config, worker, prepared, stats }) {
    if (!worker.runtime.featureEnabled(config.enabled) || prepared.take(clock.wall())) return Continue;
    stats.rateLimited.inc();
    run.connection.stream.setFlag(Flag.UpstreamRetryLimitExceeded);
    run.close('local_ratelimit_close_over_limit');
    return Stop;
  },
});

function sharedBucket(key: string, bucket: TokenBucketConfig): TokenBucketConfig {
  const { maxTokens, tokensPerFill, fillInterval } = bucket;
  const name = `${maxTokens} ${tokensPerFill} ${fillInterval} ${key}`;
  const state = sharedBuckets.get(name)?.deref();
  if (state !== undefined) return { ...bucket, state };
  sharedBuckets.set(name, new WeakRef(bucket.state));
  return bucket;
}
