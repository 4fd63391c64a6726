/**
 * Decides which streams are logged, and which local replies a mapper changes. Filters are compiled once, to functions of the stream.
 * Follows envoy.config.accesslog.v3.AccessLogFilter.
 */
import { type Random, systemRandom } from '#base/random.ts';
import type { AccessLogFilter, ComparisonFilter } from '#config/model/access-log.ts';
import type { HeaderMatcher } from '#config/model/matchers.ts';
import { grpcStatus } from '#proxy/observe/access-log/grpc-status.ts';
import { compileCelCondition } from '#proxy/observe/cel/cel-condition.ts';
import { flagNames } from '#proxy/observe/response-flags.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { compileHeader, compileSingleHeader, isRequestPart } from '#selection/match-header.ts';
import { compileValue, metadataAt } from '#selection/match-metadata.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';
import { Known } from '#wire/known-headers.ts';

/** Whether the stream passes. */
export type AccessLogPredicate = (info: StreamInfo) => boolean;

/** What filters ask besides the stream. */
export interface FilterContext {
  runtime: RuntimeView;
  random?: Random;
}

type Of<K extends AccessLogFilter['kind']> = Extract<AccessLogFilter, { kind: K }>;

const UNKNOWN_GRPC_STATUS = 2;
const REQUEST_ID_BITS = /^[0-9a-fA-F]{8}/;
/** Where a request id says why its request is traced, and what stands there for "the service asked". */
const TRACE_REASON = 14;
const SERVICE_FORCED = 'a';

/** @throws Error for an expression that is none. */
export function compileAccessLogFilter(filter: AccessLogFilter, context: FilterContext): AccessLogPredicate {
  switch (filter.kind) {
    case 'status_code': {
      const holds = compileComparison(filter.comparison, context.runtime);
      return (info) => holds(info.responseCode);
    }
    case 'duration': {
      const holds = compileComparison(filter.comparison, context.runtime);
      return (info) => holds(Math.floor(durationOf(info)));
    }
    case 'not_health_check':
      return (info) => !info.healthCheck;
    case 'traceable':
      return isTraceable;
    case 'runtime':
      return compileRuntimeFilter(filter, context);
    case 'and':
      return allOf(filter.filters.map((one) => compileAccessLogFilter(one, context)));
    case 'or':
      return anyOf(filter.filters.map((one) => compileAccessLogFilter(one, context)));
    case 'header':
      return compileHeaderFilter(filter.header);
    case 'response_flag':
      return compileFlagFilter(filter.flags);
    case 'grpc_status': {
      const wanted = new Set(filter.statuses);
      const { exclude } = filter;
      return (info) => wanted.has(grpcStatus(info) ?? UNKNOWN_GRPC_STATUS) !== exclude;
    }
    case 'metadata':
      return compileMetadataFilter(filter);
    case 'log_type': {
      const types = new Set(filter.types);
      const { exclude } = filter;
      return (info) => types.has(info.accessLogType) !== exclude;
    }
    case 'cel':
      return compileCelCondition(filter.expression);
  }
}

function compileComparison({ op, value, runtimeKey }: ComparisonFilter, runtime: RuntimeView): (n: number) => boolean {
  const bound = runtimeKey === '' ? () => value : () => runtime.integer(runtimeKey, value);
  switch (op) {
    case 'EQ':
      return (number) => number === bound();
    case 'GE':
      return (number) => number >= bound();
    case 'LE':
      return (number) => number <= bound();
    case 'NE':
      return (number) => number !== bound();
  }
}

/** Milliseconds from the start to the end, or to now. */
function durationOf({ marks }: StreamInfo): number {
  return (marks.complete < 0 ? clock.now() : marks.complete) - marks.start;
}

function isTraceable(info: StreamInfo): boolean {
  if (!info.traced || info.healthCheck) return false;
  return info.requestHeaders.getKnown(Known['x-request-id'])?.charAt(TRACE_REASON) === SERVICE_FORCED;
}

function compileRuntimeFilter(filter: Of<'runtime'>, { runtime, random }: FilterContext): AccessLogPredicate {
  const { runtimeKey, fraction, useIndependentRandomness } = filter;
  const { numerator, denominator } = fraction;
  const { uint32 } = random ?? systemRandom;
  const independent = () => runtime.percentEnabled(runtimeKey, numerator, uint32(), denominator);
  if (useIndependentRandomness) return independent;
  return (info) => {
    // Every proxy on a request's way decides alike: the id's first bits are the random number.
    const id = info.requestHeaders.getKnown(Known['x-request-id']);
    if (id === undefined || !REQUEST_ID_BITS.test(id)) return independent();
    return runtime.percentEnabled(runtimeKey, numerator, Number.parseInt(id.slice(0, 8), 16), denominator);
  };
}

function allOf(filters: readonly AccessLogPredicate[]): AccessLogPredicate {
  return (info) => {
    for (let i = 0; i < filters.length; i++) if (!filters[i](info)) return false;
    return true;
  };
}

function anyOf(filters: readonly AccessLogPredicate[]): AccessLogPredicate {
  return (info) => {
    for (let i = 0; i < filters.length; i++) if (filters[i](info)) return true;
    return false;
  };
}

function compileHeaderFilter(matcher: HeaderMatcher): AccessLogPredicate {
  if (!isRequestPart(matcher.name)) {
    const test = compileHeader(matcher);
    return (info) => test(info.requestHeaders);
  }
  const test = compileSingleHeader(matcher);
  const present = (value: string) => (value === '' ? undefined : value);
  switch (matcher.name) {
    case ':path':
      return (info) => test(present(info.path));
    case ':method':
      return (info) => test(present(info.method));
    case ':scheme':
      return (info) => test(present(info.scheme));
    default:
      return (info) => test(present(info.host));
  }
}

function compileFlagFilter(flags: readonly string[]): AccessLogPredicate {
  if (flags.length === 0) return (info) => info.flags !== 0;
  let wanted = 0;
  for (const flag of flags) {
    const bit = flagNames.findIndex(({ short }) => short === flag);
    if (bit < 0) throw new Error(`no response flag '${flag}'`);
    wanted |= 1 << bit;
  }
  return (info) => (info.flags & wanted) !== 0;
}

/** As in Envoy, a value that is there passes by its matcher alone: `invert` has no say, and without a matcher none passes. */
function compileMetadataFilter({ matcher, matchIfKeyNotFound }: Of<'metadata'>): AccessLogPredicate {
  if (matcher === undefined) return () => matchIfKeyNotFound;
  const { filter, path, value } = matcher;
  const test = compileValue(value);
  return (info) => {
    const found = metadataAt(info.dynamicMetadata, filter, path);
    return found === undefined ? matchIfKeyNotFound : test(found);
  };
}
