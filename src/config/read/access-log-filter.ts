/**
 * Which streams an access logger writes down, or a mapper of local replies changes. Follows envoy.config.accesslog.v3.AccessLogFilter.
 */
import type { DescEnum } from '@bufbuild/protobuf';
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import { apiRegistry } from '#api/registry.ts';
import type { AccessLogFilter, ComparisonFilter } from '#config/model/access-log.ts';
import { readCel } from '#config/read/cel.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { readFraction, readHeaderMatcher, readMetadataMatcher } from '#config/read/matchers.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  AccessLogFilter as AccessLogFilterMessage,
  ComparisonFilter as ComparisonMessage,
  ExtensionFilter,
} from '#envoy/config/accesslog/v3/accesslog_pb.js';
import type { ExpressionFilter } from '#envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';

const EXPRESSION = 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter';

const check = honours('envoy.config.accesslog.v3.AccessLogFilter', [
  'status_code_filter',
  'duration_filter',
  'not_health_check_filter',
  'traceable_filter',
  'runtime_filter',
  'and_filter',
  'or_filter',
  'header_filter',
  'response_flag_filter',
  'grpc_status_filter',
  'extension_filter',
  'metadata_filter',
  'log_type_filter',
]);
const checkExpression = honours(EXPRESSION, ['expression', 'cel_config']);

const OPERATORS = ['EQ', 'GE', 'LE', 'NE'] as const;

export function readAccessLogFilter(message: AccessLogFilterMessage, at: Place): AccessLogFilter {
  check(message, at);
  const { filterSpecifier: given } = message;
  switch (given.case) {
    case 'statusCodeFilter':
      return {
        kind: 'status_code',
        comparison: readComparison(given.value.comparison, at.field('status_code_filter')),
      };
    case 'durationFilter':
      return { kind: 'duration', comparison: readComparison(given.value.comparison, at.field('duration_filter')) };
    case 'notHealthCheckFilter':
      return { kind: 'not_health_check' };
    case 'traceableFilter':
      return { kind: 'traceable' };
    case 'runtimeFilter': {
      const { runtimeKey, percentSampled, useIndependentRandomness } = given.value;
      return {
        kind: 'runtime',
        runtimeKey,
        fraction: { ...readFraction(percentSampled), runtimeKey },
        useIndependentRandomness,
      };
    }
    case 'andFilter':
      return { kind: 'and', filters: readFilters(given.value.filters, at.field('and_filter').field('filters')) };
    case 'orFilter':
      return { kind: 'or', filters: readFilters(given.value.filters, at.field('or_filter').field('filters')) };
    case 'headerFilter': {
      const place = at.field('header_filter').field('header');
      if (given.value.header === undefined) throw place.missing();
      return { kind: 'header', header: readHeaderMatcher(given.value.header, place) };
    }
    case 'responseFlagFilter':
      return { kind: 'response_flag', flags: given.value.flags };
    case 'grpcStatusFilter':
      return { kind: 'grpc_status', statuses: given.value.statuses, exclude: given.value.exclude };
    case 'metadataFilter': {
      const { matcher, matchIfKeyNotFound = true } = given.value;
      if (matcher === undefined) return { kind: 'metadata', matchIfKeyNotFound };
      const place = at.field('metadata_filter').field('matcher');
      return { kind: 'metadata', matcher: readMetadataMatcher(matcher, place), matchIfKeyNotFound };
    }
    case 'logTypeFilter':
      return { kind: 'log_type', types: given.value.types.map(logTypeName), exclude: given.value.exclude };
    case 'extensionFilter':
      return readExtensionFilter(given.value, at.field('extension_filter'));
    default:
      throw at.problem('an access log filter must say which');
  }
}

function readFilters(messages: readonly AccessLogFilterMessage[], at: Place): AccessLogFilter[] {
  return readAll(messages, at, readAccessLogFilter);
}

function readComparison(message: ComparisonMessage | undefined, at: Place): ComparisonFilter {
  if (message === undefined) throw at.field('comparison').missing();
  const { op, value } = message;
  return { op: OPERATORS[op] ?? 'EQ', value: value?.defaultValue ?? 0, runtimeKey: value?.runtimeKey ?? '' };
}

/** `DownstreamEnd` and the like, as access logs write them. */
function logTypeName(number: number): string {
  const types = apiRegistry().getEnum('envoy.data.accesslog.v3.AccessLogType') as DescEnum;
  return types.value[number]?.name ?? String(number);
}

function readExtensionFilter({ name, configType }: ExtensionFilter, at: Place): AccessLogFilter {
  const place = at.field('typed_config');
  if (configType.case === undefined) throw place.missing();
  const { type, message } = unpack(configType.value, place);
  if (type.typeName !== EXPRESSION) throw unsupportedExtension(name, type.typeName, 'access_log_filter', place);
  checkExpression(message, place);
  const { expression, celConfig } = message as ExpressionFilter;
  const config = { message: celConfig, at: place.field('cel_config') };
  return { kind: 'cel', expression: readCel(expression, place.field('expression'), config) };
}
