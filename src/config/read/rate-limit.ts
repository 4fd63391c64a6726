/**
 * Rate limits of connections that a service decides. Follows envoy.extensions.filters.network.ratelimit.v3.RateLimit,
 * envoy.config.ratelimit.v3.RateLimitServiceConfig and envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.
 */
import type { Place } from '#api/place.ts';
import type { NetworkRateLimitConfig, RateLimitDescriptor } from '#config/model/rate-limit.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { checkFormatText } from '#config/read/format.ts';
import { readGrpcService } from '#config/read/grpc-service.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { RateLimitServiceConfig } from '#envoy/config/ratelimit/v3/rls_pb.js';
import type { RateLimitDescriptor as DescriptorMessage } from '#envoy/extensions/common/ratelimit/v3/ratelimit_pb.js';
import type { RateLimit } from '#envoy/extensions/filters/network/ratelimit/v3/rate_limit_pb.js';

export const NETWORK_RATE_LIMIT = 'envoy.extensions.filters.network.ratelimit.v3.RateLimit';
const DESCRIPTOR = 'envoy.extensions.common.ratelimit.v3.RateLimitDescriptor';
const check = honours(NETWORK_RATE_LIMIT, [
  'stat_prefix',
  'domain',
  'descriptors',
  'timeout',
  'failure_mode_deny',
  'rate_limit_service',
]);
const checkService = honours('envoy.config.ratelimit.v3.RateLimitServiceConfig', [
  'grpc_service',
  'transport_api_version',
]);
const checkDescriptor = honours(DESCRIPTOR, ['entries', 'limit', 'hits_addend'], {
  refused: { is_negative_hits: 'hits are added' },
});
const checkEntry = honours(`${DESCRIPTOR}.Entry`, ['key', 'value']);
const checkOverride = honours(`${DESCRIPTOR}.RateLimitOverride`, ['requests_per_unit', 'unit']);

const DEFAULT_TIMEOUT = 20;
/** Of core.v3.ApiVersion. */
const V3 = 2;

export function readNetworkRateLimit(message: RateLimit, at: Place): NetworkRateLimitConfig {
  check(message, at);
  return {
    statPrefix: message.statPrefix,
    domain: message.domain,
    descriptors: readAll(message.descriptors, at.field('descriptors'), readDescriptor),
    timeout: millisecondsOr(message.timeout, DEFAULT_TIMEOUT),
    failureModeDeny: message.failureModeDeny,
    service: readService(message.rateLimitService, at.field('rate_limit_service')),
  };
}

function readService(message: RateLimitServiceConfig | undefined, at: Place): NetworkRateLimitConfig['service'] {
  if (message === undefined) throw at.missing();
  checkService(message, at);
  if (message.transportApiVersion !== V3) {
    throw at.field('transport_api_version').problem('only version V3 of the rate limit service is spoken');
  }
  if (message.grpcService === undefined) throw at.field('grpc_service').missing();
  return readGrpcService(message.grpcService, at.field('grpc_service'));
}

function readDescriptor(message: DescriptorMessage, at: Place): RateLimitDescriptor {
  checkDescriptor(message, at);
  const { limit, hitsAddend } = message;
  if (limit !== undefined) checkOverride(limit, at.field('limit'));
  return {
    entries: readAll(message.entries, at.field('entries'), (entry, place) => {
      checkEntry(entry, place);
      checkFormatText(entry.value, place.field('value'));
      return { key: entry.key, value: entry.value };
    }),
    ...(limit === undefined ? {} : { limit: { requestsPerUnit: limit.requestsPerUnit, unit: limit.unit } }),
    ...(hitsAddend === undefined ? {} : { hitsAddend: Number(hitsAddend) }),
  };
}
