/**
 * Matchers as plain data: what to compare, not how. The selection room compiles them.
 * Follows type.matcher.v3 and config.route.v3.HeaderMatcher.
 */

export type StringMatcher =
  | { kind: 'exact' | 'prefix' | 'suffix' | 'contains'; value: string; ignoreCase: boolean }
  | { kind: 'regex'; regex: string };

/** Follows config.route.v3.HeaderMatcher; `name` is lower case. */
export interface HeaderMatcher {
  name: string;
  match:
    | { kind: 'present'; present: boolean }
    | { kind: 'string'; matcher: StringMatcher }
    | { kind: 'range'; start: number; end: number };
  invert: boolean;
  treatMissingAsEmpty: boolean;
}

export interface QueryParameterMatcher {
  name: string;
  /** Undefined: present with any value. */
  matcher?: StringMatcher;
  /** Where there is no matcher: whether it must be there (default) or must not. */
  present?: boolean;
}

export interface CookieMatcher {
  name: string;
  matcher: StringMatcher;
  invert: boolean;
}

/** Follows type.matcher.v3.MetadataMatcher: a path into dynamic or connection metadata and the value wanted there. */
export interface MetadataMatcher {
  filter: string;
  path: string[];
  value: ValueMatcher;
  invert: boolean;
}

export type ValueMatcher =
  | { kind: 'null' }
  | { kind: 'present'; present: boolean }
  | { kind: 'bool'; value: boolean }
  | { kind: 'double'; exact: number }
  | { kind: 'range'; start: number; end: number }
  | { kind: 'string'; matcher: StringMatcher }
  | { kind: 'list'; oneOf: ValueMatcher }
  | { kind: 'or'; matchers: ValueMatcher[] };

/** Follows config.core.v3.RuntimeDouble: what holds where the runtime has no such key; an empty key is none. */
export interface RuntimeDouble {
  defaultValue: number;
  runtimeKey: string;
}

/** Follows config.core.v3.RuntimeFractionalPercent: a share of `denominator`, with the runtime key that overrides it. */
export interface RuntimeFraction {
  numerator: number;
  denominator: 100 | 10_000 | 1_000_000;
  runtimeKey: string;
}
