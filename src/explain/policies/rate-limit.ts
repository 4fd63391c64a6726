/**
 * Rate limits: of this proxy alone, or of a service that is asked.
 * Follows envoy.extensions.filters.http.local_ratelimit.v3 and ratelimit.v3.
 */
import type { Policy } from '#explain/policies/judge.ts';

export const localRateLimit: Policy = (config, _, reader) => {
  const bucket = reader.object(config, 'token_bucket');
  if (bucket === undefined) return [];
  const tokens = reader.number(bucket, 'max_tokens');
  const fill = reader.number(bucket, 'tokens_per_fill') || 1;
  const why = `lets ${tokens} requests through, and ${fill} more every ${reader.text(bucket, 'fill_interval') || '?'}`;
  return [{ outcome: 'depends', why }];
};

export const rateLimit: Policy = (config, _, reader) => {
  const service = reader.object(reader.object(config, 'rate_limit_service'), 'grpc_service');
  const cluster = reader.text(reader.object(service, 'envoy_grpc'), 'cluster_name');
  const domain = reader.text(config, 'domain');
  return [{ outcome: 'depends', why: `asks ${cluster || 'a service'} whether there is room (domain ${domain})` }];
};
