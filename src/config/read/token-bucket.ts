/**
 * Buckets of tokens for local rate limits. Follows envoy.type.v3.TokenBucket.
 */

import type { Place } from '#api/place.ts';
import { sharedBytes } from '#base/shared-bytes.ts';
import { TOKEN_BUCKET_STATE_SIZE, type TokenBucketConfig } from '#base/token-bucket.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import type { TokenBucket } from '#envoy/type/v3/token_bucket_pb.js';

const check = honours('envoy.type.v3.TokenBucket', ['max_tokens', 'tokens_per_fill', 'fill_interval']);
const SHORTEST_FILL = 50;

/** @throws PlacedError where there is none, or it fills in too short steps. */
export function readTokenBucket(message: TokenBucket | undefined, at: Place): TokenBucketConfig {
  if (message === undefined) throw at.missing();
  check(message, at);
  const fillInterval = millisecondsOr(message.fillInterval, 0);
  if (fillInterval < SHORTEST_FILL)
    throw at.field('fill_interval').problem('local rate limit token bucket fill timer must be >= 50ms');
  return {
    maxTokens: message.maxTokens,
    tokensPerFill: message.tokensPerFill ?? 1,
    fillInterval,
    state: sharedBytes(TOKEN_BUCKET_STATE_SIZE),
  };
}
