/**
 * The generic matching API, compiled: lists of predicates, maps by exact value, by longest prefix and by network.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/matching/matching_api
 */
import type { MatcherTree, MatchInput, MatchPredicate, OnMatch } from '#config/model/matcher-tree.ts';
import { IpRange, parseIp } from '#selection/ip-range.ts';
import { compileString } from '#selection/match-string.ts';
import { requestInput } from '#selection/matcher-input.ts';
import type { RequestView } from '#selection/request-view.ts';

/** What an input says of the subject; undefined: nothing is there. */
export type InputReader<S> = (subject: S) => string | undefined;

/** @returns what the tree comes to; undefined where it says nothing. */
export type CompiledMatcher<A, S = RequestView> = (subject: S) => A | undefined;

export function evaluateMatcher<A, S>(matcher: CompiledMatcher<A, S>, subject: S): A | undefined {
  return matcher(subject);
}

/** Compiles a tree over requests. @param action makes of a configured action what selection returns. */
export function compileMatcher<T, A>(tree: MatcherTree<T>, action: (configured: T) => A): CompiledMatcher<A> {
  return compileTree(tree, action, requestInput);
}

/** Compiles a tree over any subject. @param inputOf how to read an input from a subject. */
export function compileTree<T, A, S>(
  tree: MatcherTree<T>,
  action: (configured: T) => A,
  inputOf: (input: MatchInput) => InputReader<S>,
): CompiledMatcher<A, S> {
  const branch = (onMatch: OnMatch<T>): CompiledMatcher<A, S> => {
    if (onMatch.kind === 'matcher') return compileTree(onMatch.matcher, action, inputOf);
    const result = action(onMatch.action);
    return () => result;
  };
  const otherwise = tree.onNoMatch === undefined ? undefined : branch(tree.onNoMatch);
  const body = compileBody(tree.body, branch, inputOf);
  // A branch whose own tree says nothing counts as no match.
  return otherwise === undefined ? body : (subject) => body(subject) ?? otherwise(subject);
}

function compileBody<T, A, S>(
  body: MatcherTree<T>['body'],
  branch: (onMatch: OnMatch<T>) => CompiledMatcher<A, S>,
  inputOf: (input: MatchInput) => InputReader<S>,
): CompiledMatcher<A, S> {
  switch (body.kind) {
    case 'list': {
      const entries = body.matchers.map(({ predicate, onMatch }) => ({
        holds: compilePredicate(predicate, inputOf),
        result: branch(onMatch),
      }));
      return (subject) => {
        for (const { holds, result } of entries) {
          const taken = holds(subject) ? result(subject) : undefined;
          if (taken !== undefined) return taken;
        }
        return undefined;
      };
    }
    case 'exact_map': {
      const read = inputOf(body.input);
      const byKey = new Map(body.entries.map(({ key, onMatch }) => [key, branch(onMatch)]));
      return (subject) => {
        const value = read(subject);
        return value === undefined ? undefined : byKey.get(value)?.(subject);
      };
    }
    case 'prefix_map': {
      const read = inputOf(body.input);
      const entries = body.entries
        .map(({ key, onMatch }) => ({ key, result: branch(onMatch) }))
        .sort((a, b) => b.key.length - a.key.length);
      return firstOf(entries, read, ({ key }, value) => value.startsWith(key));
    }
    case 'ip': {
      const read = inputOf(body.input);
      const entries = body.ranges
        .map(({ onMatch, exclusive, ...range }) => ({ range: new IpRange(range), exclusive, result: branch(onMatch) }))
        .sort((a, b) => b.range.prefixLength - a.range.prefixLength);
      return firstOf(entries, read, ({ range }, value) => {
        const ip = parseIp(value);
        return ip !== undefined && range.has(ip);
      });
    }
    case 'domains': {
      const read = inputOf(body.input);
      const entries = body.entries
        .map(({ key, onMatch }) => ({ key, result: branch(onMatch) }))
        .sort((a, b) => Number(a.key.startsWith('*')) - Number(b.key.startsWith('*')) || b.key.length - a.key.length);
      return firstOf(entries, read, ({ key }, value) => isInDomain(value, key));
    }
  }
}

/** The result of the first entry that takes the value and whose branch says something: entries come most specific first. */
function firstOf<E extends { result: CompiledMatcher<A, S>; exclusive?: boolean }, A, S>(
  entries: readonly E[],
  read: InputReader<S>,
  takes: (entry: E, value: string) => boolean,
): CompiledMatcher<A, S> {
  return (subject) => {
    const value = read(subject);
    if (value === undefined) return undefined;
    let first = true;
    for (const entry of entries) {
      if (!takes(entry, value) || (!first && entry.exclusive === true)) continue;
      first = false;
      const taken = entry.result(subject);
      if (taken !== undefined) return taken;
    }
    return undefined;
  };
}

/** `a.test`, `*.test` for what is below it, `*`. */
function isInDomain(name: string, domain: string): boolean {
  if (!domain.startsWith('*')) return name === domain;
  return domain === '*' || (name.length >= domain.length && name.endsWith(domain.slice(1)));
}

function compilePredicate<S>(
  predicate: MatchPredicate,
  inputOf: (input: MatchInput) => InputReader<S>,
): (subject: S) => boolean {
  switch (predicate.kind) {
    case 'single': {
      const read = inputOf(predicate.input);
      const test = compileString(predicate.matcher);
      return (subject) => {
        const value = read(subject);
        return value !== undefined && test(value);
      };
    }
    case 'in_range': {
      const read = inputOf(predicate.input);
      const ranges = predicate.ranges.map((range) => new IpRange(range));
      return (subject) => {
        const ip = parseIp(read(subject) ?? '');
        return ip !== undefined && ranges.some((range) => range.has(ip));
      };
    }
    case 'and': {
      const parts = predicate.predicates.map((part) => compilePredicate(part, inputOf));
      return (subject) => parts.every((holds) => holds(subject));
    }
    case 'or': {
      const parts = predicate.predicates.map((part) => compilePredicate(part, inputOf));
      return (subject) => parts.some((holds) => holds(subject));
    }
    case 'not': {
      const holds = compilePredicate(predicate.predicate, inputOf);
      return (subject) => !holds(subject);
    }
  }
}
