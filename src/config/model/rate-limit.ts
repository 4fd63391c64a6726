/**
 * Rate limits that a service decides as plain data. Follows config.ratelimit.v3 and extensions.common.ratelimit.v3.
 */
import type { GrpcService } from './config-source.ts';

export interface RateLimitDescriptor {
  /** Values are format strings with command operators. */
  entries: { key: string; value: string }[];
  limit?: { requestsPerUnit: number; unit: number };
  hitsAddend?: number;
}

export interface NetworkRateLimitConfig {
  statPrefix: string;
  domain: string;
  descriptors: RateLimitDescriptor[];
  /** Milliseconds. */
  timeout: number;
  failureModeDeny: boolean;
  service: GrpcService;
}
