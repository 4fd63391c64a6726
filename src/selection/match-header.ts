/**
 * Compares header fields with configured matchers. Of several fields with one name, any may pass; where the matcher is inverted, none may.
 * Follows envoy.config.route.v3.HeaderMatcher.
 */
import type { HeaderMatcher } from '#config/model/matchers.ts';
import { Condition } from '#selection/condition.ts';
import { compileString, describeString } from '#selection/match-string.ts';
import type { HeaderView, RequestView } from '#selection/request-view.ts';

type ValueTest = (value: string) => boolean;

const INTEGER = /^[+-]?[0-9]+$/;

/** @returns the test of a message's fields: for those who match no pseudo headers (`:status` and the like). */
export function compileHeader(matcher: HeaderMatcher): (headers: HeaderView) => boolean {
  const { name, match, invert, treatMissingAsEmpty } = matcher;
  if (match.kind === 'present') {
    const expected = match.present !== invert;
    // A missing header that counts as empty is there, for Envoy.
    return (headers) => (treatMissingAsEmpty || headers.has(name)) === expected;
  }
  const test = compileValueTest(match);
  const ofMissing = treatMissingAsEmpty && test('') !== invert;
  return (headers) => {
    if (headers.some(name, test)) return !invert;
    return headers.has(name) ? invert : ofMissing;
  };
}

/** @returns the test of a header that is there once at most: a part of the request line, or undefined where it has none. */
export function compileSingleHeader(matcher: HeaderMatcher): (value: string | undefined) => boolean {
  const { match, invert, treatMissingAsEmpty } = matcher;
  if (match.kind === 'present') {
    const expected = match.present !== invert;
    return (value) => (treatMissingAsEmpty || value !== undefined) === expected;
  }
  const test = compileValueTest(match);
  const ofMissing = treatMissingAsEmpty && test('') !== invert;
  return (value) => (value === undefined ? ofMissing : test(value) !== invert);
}

function compileValueTest(match: Exclude<HeaderMatcher['match'], { kind: 'present' }>): ValueTest {
  return match.kind === 'string' ? compileString(match.matcher) : rangeTest(match.start, match.end);
}

function rangeTest(start: number, end: number): (value: string) => boolean {
  return (value) => {
    if (!INTEGER.test(value)) return false;
    const number = Number(value);
    return number >= start && number < end;
  };
}

/** @returns a test that all matchers pass. */
export function compileHeaders(matchers: readonly HeaderMatcher[]): (headers: HeaderView) => boolean {
  const tests = matchers.map(compileHeader);
  return (headers) => tests.every((test) => test(headers));
}

/** The header as a condition on requests; pseudo headers and `host` are the request's own parts. */
export function headerCondition(matcher: HeaderMatcher): Condition {
  const value = headerOfRequest(matcher.name);
  return new Condition(
    isRequestPart(matcher.name) ? single(matcher, value) : ofFields(matcher),
    (request) => `header ${matcher.name}: expected ${describeHeader(matcher)}, ${found(value(request))}`,
  );
}

function single(matcher: HeaderMatcher, value: (request: RequestView) => string | undefined) {
  const test = compileSingleHeader(matcher);
  return (request: RequestView) => test(value(request));
}

function ofFields(matcher: HeaderMatcher) {
  const test = compileHeader(matcher);
  return (request: RequestView) => test(request.headers);
}

/** Whether the header is a part of the request that stands apart from its fields. */
export function isRequestPart(name: string): boolean {
  return name === ':path' || name === ':method' || name === ':authority' || name === 'host' || name === ':scheme';
}

/** @returns how to read the header of that lower-case name from a request. */
export function headerOfRequest(name: string): (request: RequestView) => string | undefined {
  switch (name) {
    case ':path':
      return (request) => (request.path === '' ? undefined : request.path);
    case ':method':
      return (request) => request.method;
    case ':authority':
    case 'host':
      return (request) => request.host;
    case ':scheme':
      return (request) => request.scheme;
    default:
      return (request) => request.headers.joined(name);
  }
}

/** @returns what is expected of its value: `exact "a"`, `not prefix "b"`, `to be present`. */
export function describeHeader({ match, invert }: HeaderMatcher): string {
  if (match.kind === 'present') return match.present !== invert ? 'to be present' : 'to be absent';
  const words =
    match.kind === 'string' ? describeString(match.matcher) : `a whole number in [${match.start}, ${match.end})`;
  return invert ? `not ${words}` : words;
}

/** What a request has where something else was expected. */
export function found(value: string | undefined): string {
  return value === undefined ? 'the request has none' : `the request has ${JSON.stringify(value)}`;
}
