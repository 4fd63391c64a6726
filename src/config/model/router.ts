/**
 * The router filter as plain data. Follows extensions.filters.http.router.v3.Router.
 */
import type { AccessLogConfig } from './access-log.ts';

export interface RouterConfig {
  upstreamLog: AccessLogConfig[];
  suppressEnvoyHeaders: boolean;
  /** Lower-case names of headers whose values are checked: a request with a bad one is answered 400. */
  strictCheckHeaders: string[];
  respectExpectedRqTimeout: boolean;
  /** A cluster counts answers to calls of gRPC, but not by their codes. */
  suppressGrpcRequestFailureCodeStats: boolean;
}
