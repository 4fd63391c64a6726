/**
 * Compares header fields with configured matchers. Several fields of one name are matched as one value, joined by commas.
 * Follows envoy.config.route.v3.HeaderMatcher.
 */
import type { HeaderMatcher } from '#config/model/matchers.ts';
import { Condition } from '#selection/condition.ts';
import { compileString, describeString } from '#selection/match-string.ts';
import type { HeaderView, RequestView } from '#selection/request-view.ts';

/** Takes the joined value of the header that it is about; undefined where there is none. */
export type HeaderTest = (value: string | undefined) => boolean;

const INTEGER = /^[+-]?[0-9]+$/;

/** @returns the test of the header's value. */
export function compileHeaderTest(matcher: HeaderMatcher): HeaderTest {
  const { match, invert, treatMissingAsEmpty } = matcher;
  if (match.kind === 'present') {
    // A missing header that counts as empty is not there all the same.
    const expected = match.present !== invert;
    return (value) => (value !== undefined) === expected;
  }
  const test = match.kind === 'string' ? compileString(match.matcher) : rangeTest(match.start, match.end);
  if (treatMissingAsEmpty) return (value) => test(value ?? '') !== invert;
  return (value) => value !== undefined && test(value) !== invert;
}

function rangeTest(start: number, end: number): (value: string) => boolean {
  return (value) => {
    if (!INTEGER.test(value)) return false;
    const number = Number(value);
    return number >= start && number < end;
  };
}

/** @returns a test of a message's fields: for those who match no pseudo headers (`:status` and the like). */
export function compileHeaders(matchers: readonly HeaderMatcher[]): (headers: HeaderView) => boolean {
  const tests = matchers.map((matcher) => ({ name: matcher.name, test: compileHeaderTest(matcher) }));
  return (headers) => tests.every(({ name, test }) => test(headers.joined(name)));
}

/** The header as a condition on requests; pseudo headers and `host` are the request's own parts. */
export function headerCondition(matcher: HeaderMatcher): Condition {
  const value = headerOfRequest(matcher.name);
  const test = compileHeaderTest(matcher);
  return new Condition(
    (request) => test(value(request)),
    (request) => `header ${matcher.name}: expected ${describeHeader(matcher)}, ${found(value(request))}`,
  );
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

function describeHeader({ match, invert }: HeaderMatcher): string {
  if (match.kind === 'present') return match.present !== invert ? 'to be present' : 'to be absent';
  const words =
    match.kind === 'string' ? describeString(match.matcher) : `a whole number in [${match.start}, ${match.end})`;
  return invert ? `not ${words}` : words;
}

/** What a request has where something else was expected. */
export function found(value: string | undefined): string {
  return value === undefined ? 'the request has none' : `the request has ${JSON.stringify(value)}`;
}
