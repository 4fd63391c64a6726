/**
 * How strings are compared. Follows envoy.type.matcher.v3.StringMatcher, and xds.type.matcher.v3's of the same form.
 */

import type { StringMatcher as XdsStringMatcher } from '#api/generated/xds/type/matcher/v3/string_pb.js';
import type { Place } from '#api/place.ts';
import type { StringMatcher } from '#config/model/matchers.ts';
import { readAll } from '#config/read/read-all.ts';
import { readRegex } from '#config/read/regex.ts';
import { honours } from '#config/read/support.ts';
import type { RegexMatcher } from '#envoy/type/matcher/v3/regex_pb.js';
import type { ListStringMatcher, StringMatcher as StringMatcherMessage } from '#envoy/type/matcher/v3/string_pb.js';

const FIELDS = ['exact', 'prefix', 'suffix', 'safe_regex', 'contains', 'ignore_case'];
const REFUSED = { refused: { custom: 'string matcher extensions come later' } };
const check = honours('envoy.type.matcher.v3.StringMatcher', FIELDS, REFUSED);
const checkXds = honours('xds.type.matcher.v3.StringMatcher', FIELDS, REFUSED);
const checkXdsRegex = honours('xds.type.matcher.v3.RegexMatcher', ['google_re2', 'regex']);
const checkList = honours('envoy.type.matcher.v3.ListStringMatcher', ['patterns']);

export function readStringMatcher(message: StringMatcherMessage, at: Place): StringMatcher {
  check(message, at);
  return read(message, at, readRegex);
}

/** The same message under its older name, as generic matchers use it. */
export function readXdsStringMatcher(message: XdsStringMatcher, at: Place): StringMatcher {
  checkXds(message, at);
  return read(message as unknown as StringMatcherMessage, at, (regex, place) => {
    checkXdsRegex(regex, place);
    // The two messages differ in their names alone.
    return readRegex({ ...regex, engineType: { case: undefined } } as RegexMatcher, place);
  });
}

export function readStringMatchers(message: ListStringMatcher | undefined, at: Place): StringMatcher[] {
  if (message === undefined) return [];
  checkList(message, at);
  return readAll(message.patterns, at.field('patterns'), readStringMatcher);
}

function read(
  message: StringMatcherMessage,
  at: Place,
  regexOf: (message: RegexMatcher, at: Place) => string,
): StringMatcher {
  const { matchPattern, ignoreCase } = message;
  switch (matchPattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: matchPattern.case, value: matchPattern.value, ignoreCase };
    case 'safeRegex':
      if (ignoreCase) throw at.field('ignore_case').problem('ignore_case has no effect for safe_regex.');
      return { kind: 'regex', regex: regexOf(matchPattern.value, at.field('safe_regex')) };
    case 'custom':
      throw at.field('custom').unsupported();
    default:
      throw at.problem('one of exact, prefix, suffix, safe_regex, contains is required');
  }
}
