/**
 * The path part of a route's match, compiled: what kind it is as a small integer, so that a route that misses costs a comparison or two.
 * Follows envoy.config.route.v3.RouteMatch, `path_specifier`. Query and fragment never take part.
 */
import type { RouteMatch } from '#config/model/route.ts';
import { pathTemplatePattern } from '#config/syntax/path-template.ts';
import { lowerAscii } from '#selection/match-string.ts';
import { fullMatcher } from '#selection/regex.ts';
import type { RequestView } from '#selection/request-view.ts';
import { encodeUtf8 } from '#selection/utf8-text.ts';

export const PREFIX = 0;
export const EXACT = 1;
export const SEPARATED_PREFIX = 2;
/** safe_regex and path templates. */
export const PATTERN = 3;
export const CONNECT = 4;
/** As a pattern, of the path with its parameters, whatever the table says of them. */
export const TEMPLATE = 5;
export type PathKind =
  | typeof PREFIX
  | typeof EXACT
  | typeof SEPARATED_PREFIX
  | typeof PATTERN
  | typeof CONNECT
  | typeof TEMPLATE;

const SLASH = 47;

export class PathMatch {
  readonly kind: PathKind;
  /** What the path starts with or is; in lower case where case does not count. Empty for patterns. */
  readonly literal: string;
  /** The literal's last character, looked at before the rest: most misses end there. */
  readonly last: number;
  readonly caseSensitive: boolean;
  readonly pattern: ((path: string) => boolean) | undefined;

  constructor(kind: PathKind, literal: string, caseSensitive: boolean, pattern?: (path: string) => boolean) {
    this.kind = kind;
    this.literal = caseSensitive ? literal : lowerAscii(literal);
    this.last = this.literal.length === 0 ? -1 : this.literal.charCodeAt(this.literal.length - 1);
    this.caseSensitive = caseSensitive;
    this.pattern = pattern;
  }
}

export function compilePath({ path, caseSensitive }: RouteMatch): PathMatch {
  switch (path.kind) {
    case 'prefix':
      return new PathMatch(PREFIX, encodeUtf8(path.value), caseSensitive);
    case 'path':
      return new PathMatch(EXACT, encodeUtf8(path.value), caseSensitive);
    case 'path_separated_prefix':
      return new PathMatch(SEPARATED_PREFIX, encodeUtf8(path.value), caseSensitive);
    case 'safe_regex':
      return new PathMatch(PATTERN, '', true, fullMatcher(path.regex));
    case 'path_match_policy':
      return new PathMatch(TEMPLATE, '', true, fullMatcher(pathTemplatePattern(path.template).pattern));
    case 'connect_matcher':
      return new PathMatch(CONNECT, '', true);
  }
}

/**
 * The path of one request as routes look at it: where its part before query and fragment ends, and the forms of it that some kinds need,
 * each made once a request. One is kept for each thread and reset, never allocated on the way of a request.
 */
export class PathUnderTest {
  target = '';
  end = 0;
  /** Parameters were taken out of it. */
  stripped = false;
  #lowered: string | undefined;
  #path: string | undefined;

  /** @param withoutParameters matching ignores in each segment what comes from a `;` on. */
  reset(target: string, withoutParameters: boolean): void {
    this.target = target;
    this.end = pathEnd(target);
    this.stripped = false;
    if (withoutParameters) {
      const semicolon = target.indexOf(';');
      if (semicolon >= 0 && semicolon < this.end) {
        this.target = target.slice(0, this.end).replace(/;[^/]*/g, '');
        this.end = this.target.length;
        this.stripped = true;
      }
    }
    this.#lowered = undefined;
    this.#path = undefined;
  }

  get lowered(): string {
    this.#lowered ??= lowerAscii(this.target);
    return this.#lowered;
  }

  get path(): string {
    this.#path ??= this.end === this.target.length ? this.target : this.target.slice(0, this.end);
    return this.#path;
  }
}

/** @returns where the path's part before `?` and `#` ends. */
export function pathEnd(target: string): number {
  const query = target.indexOf('?');
  const fragment = target.indexOf('#');
  if (query < 0) return fragment < 0 ? target.length : fragment;
  return fragment < 0 || query < fragment ? query : fragment;
}

/** Whether the path satisfies the match. A request without a path (CONNECT) satisfies only `connect_matcher`. */
export function matchesPath(match: PathMatch, tested: PathUnderTest, request: RequestView): boolean {
  if (match.kind === PATTERN) return tested.target !== '' && (match.pattern as (path: string) => boolean)(tested.path);
  if (match.kind === TEMPLATE) {
    const whole = tested.stripped ? request.path.slice(0, pathEnd(request.path)) : tested.path;
    return tested.target !== '' && (match.pattern as (path: string) => boolean)(whole);
  }
  if (match.kind === CONNECT) return request.method === 'CONNECT';
  const target = match.caseSensitive ? tested.target : tested.lowered;
  const length = match.literal.length;
  if (length > tested.end) return false;
  if (match.kind === EXACT ? length !== tested.end : length === 0 && tested.end === 0) return false;
  if (length > 0 && target.charCodeAt(length - 1) !== match.last) return false;
  if (match.kind === SEPARATED_PREFIX && length !== tested.end && target.charCodeAt(length) !== SLASH) return false;
  return target.startsWith(match.literal);
}

/** The match in words: `prefix /cart`. */
export function describePath({ path, caseSensitive }: RouteMatch): string {
  switch (path.kind) {
    case 'connect_matcher':
      return 'CONNECT';
    case 'safe_regex':
      return `regex ${path.regex}`;
    case 'path_match_policy':
      return `template ${path.template}`;
    default: {
      const kind = path.kind === 'path_separated_prefix' ? 'path-separated prefix' : path.kind;
      return `${kind} ${path.value}${caseSensitive ? '' : ' in any case'}`;
    }
  }
}
