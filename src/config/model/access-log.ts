/**
 * Access loggers as plain data. Follows config.accesslog.v3.AccessLog and its filters.
 */
import type { CelExpression } from './cel.ts';
import type { FormatConfig } from './format.ts';
import type { HeaderMatcher, MetadataMatcher, RuntimeFraction } from './matchers.ts';

export interface AccessLogConfig {
  name: string;
  filter?: AccessLogFilter;
  sink:
    | { kind: 'file'; path: string; format?: FormatConfig }
    | { kind: 'stdout' | 'stderr'; format?: FormatConfig }
    | { kind: 'extension'; typeUrl: string; config: unknown };
}

export interface ComparisonFilter {
  op: 'EQ' | 'GE' | 'LE' | 'NE';
  value: number;
  runtimeKey: string;
}

export type AccessLogFilter =
  | { kind: 'status_code' | 'duration'; comparison: ComparisonFilter }
  | { kind: 'not_health_check' | 'traceable' }
  | { kind: 'runtime'; runtimeKey: string; fraction: RuntimeFraction; useIndependentRandomness: boolean }
  | { kind: 'and' | 'or'; filters: AccessLogFilter[] }
  | { kind: 'header'; header: HeaderMatcher }
  | { kind: 'response_flag'; flags: string[] }
  | { kind: 'grpc_status'; statuses: number[]; exclude: boolean }
  | { kind: 'metadata'; matcher?: MetadataMatcher; matchIfKeyNotFound: boolean }
  | { kind: 'log_type'; types: string[]; exclude: boolean }
  | { kind: 'cel'; expression: CelExpression };

/** When the access log is written besides at the end of a stream. Follows HcmAccessLogOptions. */
export interface AccessLogOptions {
  flushInterval: number;
  flushOnNewRequest: boolean;
  flushLogOnTunnelSuccessfullyEstablished: boolean;
}
