/**
 * What requests are matched by: headers, query parameters, cookies, metadata, filter state, a share of all.
 * Follows envoy.config.route.v3.HeaderMatcher, QueryParameterMatcher, CookieMatcher, envoy.type.matcher.v3.MetadataMatcher, ValueMatcher,
 * FilterStateMatcher and envoy.config.core.v3.RuntimeFractionalPercent.
 */
import type { Place } from '#api/place.ts';
import type {
  CookieMatcher,
  HeaderMatcher,
  MetadataMatcher,
  QueryParameterMatcher,
  RuntimeFraction,
  StringMatcher,
  ValueMatcher,
} from '#config/model/matchers.ts';
import { readAll } from '#config/read/read-all.ts';
import { readRegex } from '#config/read/regex.ts';
import { readStringMatcher } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import type { RuntimeFractionalPercent } from '#envoy/config/core/v3/base_pb.js';
import type {
  CookieMatcher as CookieMessage,
  HeaderMatcher as HeaderMessage,
  QueryParameterMatcher as QueryParameterMessage,
} from '#envoy/config/route/v3/route_components_pb.js';
import type { FilterStateMatcher } from '#envoy/type/matcher/v3/filter_state_pb.js';
import type { MetadataMatcher as MetadataMessage } from '#envoy/type/matcher/v3/metadata_pb.js';
import type { DoubleMatcher } from '#envoy/type/matcher/v3/number_pb.js';
import type { ValueMatcher as ValueMessage } from '#envoy/type/matcher/v3/value_pb.js';
import type { FractionalPercent } from '#envoy/type/v3/percent_pb.js';

const checkHeader = honours('envoy.config.route.v3.HeaderMatcher', [
  'name',
  'exact_match',
  'safe_regex_match',
  'range_match',
  'present_match',
  'prefix_match',
  'suffix_match',
  'contains_match',
  'string_match',
  'invert_match',
  'treat_missing_header_as_empty',
]);
const checkQueryParameter = honours('envoy.config.route.v3.QueryParameterMatcher', [
  'name',
  'string_match',
  'present_match',
]);
const checkCookie = honours('envoy.config.route.v3.CookieMatcher', ['name', 'string_match', 'invert_match']);
const checkMetadata = honours('envoy.type.matcher.v3.MetadataMatcher', ['filter', 'path', 'value', 'invert']);
const checkValue = honours('envoy.type.matcher.v3.ValueMatcher', [
  'null_match',
  'double_match',
  'string_match',
  'bool_match',
  'present_match',
  'list_match',
  'or_match',
]);
const checkFilterState = honours('envoy.type.matcher.v3.FilterStateMatcher', ['key', 'string_match'], {
  refused: { address_match: 'filter state is matched by its text' },
});

/** A header matcher that says nothing else asks for the header's presence. */
export function readHeaderMatcher(message: HeaderMessage, at: Place): HeaderMatcher {
  checkHeader(message, at);
  const { headerMatchSpecifier: given, invertMatch: invert, treatMissingHeaderAsEmpty: treatMissingAsEmpty } = message;
  const name = message.name.toLowerCase();
  const string = (matcher: StringMatcher): HeaderMatcher['match'] => ({ kind: 'string', matcher });
  const literal = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string) =>
    string({ kind, value, ignoreCase: false });
  const match = ((): HeaderMatcher['match'] => {
    switch (given.case) {
      case 'stringMatch':
        return string(readStringMatcher(given.value, at.field('string_match')));
      case 'exactMatch':
        return literal('exact', given.value);
      case 'prefixMatch':
        return literal('prefix', given.value);
      case 'suffixMatch':
        return literal('suffix', given.value);
      case 'containsMatch':
        return literal('contains', given.value);
      case 'safeRegexMatch':
        return string({ kind: 'regex', regex: readRegex(given.value, at.field('safe_regex_match')) });
      case 'rangeMatch':
        return { kind: 'range', start: Number(given.value.start), end: Number(given.value.end) };
      default:
        return { kind: 'present', present: given.case === 'presentMatch' ? given.value : true };
    }
  })();
  return { name, match, invert, treatMissingAsEmpty };
}

export function readHeaderMatchers(messages: readonly HeaderMessage[], at: Place): HeaderMatcher[] {
  return readAll(messages, at, readHeaderMatcher);
}

export function readQueryParameterMatcher(message: QueryParameterMessage, at: Place): QueryParameterMatcher {
  checkQueryParameter(message, at);
  const { name, queryParameterMatchSpecifier: given } = message;
  if (given.case === 'stringMatch') return { name, matcher: readStringMatcher(given.value, at.field('string_match')) };
  return given.case === 'presentMatch' ? { name, present: given.value } : { name };
}

export function readCookieMatcher(message: CookieMessage, at: Place): CookieMatcher {
  checkCookie(message, at);
  if (message.stringMatch === undefined) throw at.field('string_match').missing();
  return {
    name: message.name,
    matcher: readStringMatcher(message.stringMatch, at.field('string_match')),
    invert: message.invertMatch,
  };
}

export function readMetadataMatcher(message: MetadataMessage, at: Place): MetadataMatcher {
  checkMetadata(message, at);
  if (message.value === undefined) throw at.field('value').missing();
  return {
    filter: message.filter,
    path: message.path.map(({ segment }) => segment.value ?? ''),
    value: readValueMatcher(message.value, at.field('value')),
    invert: message.invert,
  };
}

function readValueMatcher(message: ValueMessage, at: Place): ValueMatcher {
  checkValue(message, at);
  const { matchPattern: given } = message;
  switch (given.case) {
    case 'nullMatch':
      return { kind: 'null' };
    case 'doubleMatch':
      return readDoubleMatcher(given.value, at.field('double_match'));
    case 'stringMatch':
      return { kind: 'string', matcher: readStringMatcher(given.value, at.field('string_match')) };
    case 'boolMatch':
      return { kind: 'bool', value: given.value };
    case 'presentMatch':
      return { kind: 'present', present: given.value };
    case 'listMatch': {
      const { matchPattern } = given.value;
      const place = at.field('list_match').field('one_of');
      if (matchPattern.case === undefined) throw place.missing();
      return { kind: 'list', oneOf: readValueMatcher(matchPattern.value, place) };
    }
    case 'orMatch':
      return {
        kind: 'or',
        matchers: readAll(given.value.valueMatchers, at.field('or_match').field('value_matchers'), readValueMatcher),
      };
    default:
      throw at.problem(
        'one of null_match, double_match, string_match, bool_match, present_match, list_match, or_match is required',
      );
  }
}

function readDoubleMatcher({ matchPattern: given }: DoubleMatcher, at: Place): ValueMatcher {
  switch (given.case) {
    case 'exact':
      return { kind: 'double', exact: given.value };
    case 'range':
      return { kind: 'range', start: given.value.start, end: given.value.end };
    default:
      throw at.problem('one of range, exact is required');
  }
}

export function readFilterStateMatcher(
  message: FilterStateMatcher,
  at: Place,
): { key: string; matcher: StringMatcher } {
  checkFilterState(message, at);
  const { key, matcher } = message;
  if (matcher.case !== 'stringMatch') throw at.field('string_match').missing();
  return { key, matcher: readStringMatcher(matcher.value, at.field('string_match')) };
}

const DENOMINATORS = [100, 10_000, 1_000_000] as const;

export function readFraction(message: FractionalPercent | undefined): Omit<RuntimeFraction, 'runtimeKey'> {
  return { numerator: message?.numerator ?? 0, denominator: DENOMINATORS[message?.denominator ?? 0] ?? 100 };
}

export function readRuntimeFraction(message: RuntimeFractionalPercent): RuntimeFraction {
  return { ...readFraction(message.defaultValue), runtimeKey: message.runtimeKey };
}
