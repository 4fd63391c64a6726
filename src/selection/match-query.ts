/**
 * Query parameters as Envoy reads them for matching: undecoded, the first of each name, one without `=` being empty.
 * Follows envoy.config.route.v3.QueryParameterMatcher.
 */
import type { QueryParameterMatcher } from '#config/model/matchers.ts';
import { Condition } from '#selection/condition.ts';
import { found } from '#selection/match-header.ts';
import { compileString, describeString } from '#selection/match-string.ts';

/** @returns the first value of the parameter in a request target, or undefined. */
export function queryParameter(target: string, name: string): string | undefined {
  let start = target.indexOf('?') + 1;
  if (start === 0) return undefined;
  while (start < target.length) {
    let end = target.indexOf('&', start);
    if (end < 0) end = target.length;
    if (target.startsWith(name, start)) {
      const after = start + name.length;
      if (after === end) return '';
      if (after < end && target.charCodeAt(after) === EQUALS) return target.slice(after + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

const EQUALS = 61;

export function queryCondition({ name, matcher, present = true }: QueryParameterMatcher): Condition {
  const test = matcher === undefined ? undefined : compileString(matcher);
  const expected = matcher !== undefined ? describeString(matcher) : present ? 'to be present' : 'to be absent';
  return new Condition(
    (request) => {
      const value = queryParameter(request.path, name);
      if (test === undefined) return (value !== undefined) === present;
      return value !== undefined && test(value);
    },
    (request) => `query parameter ${name}: expected ${expected}, ${found(queryParameter(request.path, name))}`,
  );
}
