/**
 * Cookies of a request. Follows envoy.config.route.v3.CookieMatcher and RFC 6265, section 4.2.
 */
import type { CookieMatcher } from '#config/model/matchers.ts';
import { Condition } from '#selection/condition.ts';
import { found } from '#selection/match-header.ts';
import { compileString, describeString } from '#selection/match-string.ts';
import type { HeaderView } from '#selection/request-view.ts';

/** @returns the first value of the cookie, without quotes around it, or undefined. */
export function cookieValue(headers: HeaderView, name: string): string | undefined {
  const cookies = headers.joined('cookie');
  if (cookies === undefined) return undefined;
  // Several fields are joined by commas, which no cookie's value holds.
  for (const pair of cookies.split(/[;,]/)) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}

export function cookieCondition({ name, matcher, invert }: CookieMatcher): Condition {
  const test = compileString(matcher);
  const expected = `${invert ? 'not ' : ''}${describeString(matcher)}`;
  return new Condition(
    (request) => {
      const value = cookieValue(request.headers, name);
      return value === undefined ? invert : test(value) !== invert;
    },
    (request) => `cookie ${name}: expected ${expected}, ${found(cookieValue(request.headers, name))}`,
  );
}
