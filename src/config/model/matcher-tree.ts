/**
 * The generic matching API as plain data. Follows xds.type.matcher.v3.Matcher.
 * `T` is what an action resolves to (a route, the name of a filter chain, ...).
 */
import type { CidrRange } from './address.ts';
import type { StringMatcher } from './matchers.ts';

export interface MatcherTree<T> {
  body:
    | { kind: 'list'; matchers: { predicate: MatchPredicate; onMatch: OnMatch<T> }[] }
    | { kind: 'exact_map' | 'prefix_map'; input: MatchInput; entries: { key: string; onMatch: OnMatch<T> }[] }
    | { kind: 'ip'; input: MatchInput; ranges: RangeBranch<T>[] }
    /** Names: exact ones, `*.a.test`, `*`. */
    | { kind: 'domains'; input: MatchInput; entries: { key: string; onMatch: OnMatch<T> }[] };
  onNoMatch?: OnMatch<T>;
}

/** A network. An exclusive one is taken only where no network within it takes the address too. */
export interface RangeBranch<T> extends CidrRange {
  exclusive: boolean;
  onMatch: OnMatch<T>;
}

export type OnMatch<T> = { kind: 'action'; action: T } | { kind: 'matcher'; matcher: MatcherTree<T> };

export type MatchPredicate =
  | { kind: 'single'; input: MatchInput; matcher: StringMatcher }
  | { kind: 'in_range'; input: MatchInput; ranges: CidrRange[] }
  | { kind: 'and' | 'or'; predicates: MatchPredicate[] }
  | { kind: 'not'; predicate: MatchPredicate };

/** What is looked at: a header, an address, a server name. `kind` is the last part of the input's message name. */
export interface MatchInput {
  kind: string;
  /** The header, cookie, query parameter or metadata key, where the input takes one. */
  key: string;
  filter?: string;
  path?: string[];
}
