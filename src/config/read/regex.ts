/**
 * Regular expressions: checked for RE2's syntax when they are read, kept as text.
 * Follows envoy.type.matcher.v3.RegexMatcher and RegexMatchAndSubstitute.
 */
import type { Place } from '#api/place.ts';
import { honours } from '#config/read/support.ts';
import { parseRe2 } from '#config/syntax/re2.ts';
import { Re2Error } from '#config/syntax/re2-node.ts';
import type { RegexMatchAndSubstitute, RegexMatcher } from '#envoy/type/matcher/v3/regex_pb.js';

const checkMatcher = honours('envoy.type.matcher.v3.RegexMatcher', ['google_re2', 'regex']);
const checkRe2 = honours('envoy.type.matcher.v3.RegexMatcher.GoogleRE2', [], {
  withoutEffect: { max_program_size: 'patterns run in linear time whatever their size' },
});
const checkSubstitute = honours('envoy.type.matcher.v3.RegexMatchAndSubstitute', ['pattern', 'substitution']);

/** @returns the pattern. @throws PlacedError for one that RE2 refuses, in its words. */
export function readRegex(message: RegexMatcher, at: Place): string {
  checkMatcher(message, at);
  if (message.engineType.case === 'googleRe2') checkRe2(message.engineType.value, at.field('google_re2'));
  groupsOf(message.regex, at.field('regex'));
  return message.regex;
}

export function readSubstitution(message: RegexMatchAndSubstitute, at: Place): { regex: string; substitution: string } {
  checkSubstitute(message, at);
  const { pattern, substitution } = message;
  if (pattern === undefined) throw at.field('pattern').missing();
  const regex = readRegex(pattern, at.field('pattern'));
  const groups = groupsOf(regex, at.field('pattern').field('regex'));
  return { regex, substitution: asApplied(substitution, groups, at.field('substitution')) };
}

/** Envoy takes substitutions that RE2 then cannot carry out. @returns one that comes to the same as what RE2 does with those. */
function asApplied(substitution: string, groups: number, at: Place): string {
  const escapes = [...substitution.matchAll(/\\(.?)/gs)];
  const tooHigh = escapes.find(([, group]) => /[0-9]/.test(group) && Number(group) > groups);
  if (tooHigh !== undefined) {
    at.warn(`nothing is ever replaced: the substitution uses group ${tooHigh[1]}, the pattern has ${groups}`);
    return '\\0';
  }
  const bad = escapes.find(([, group]) => !/[0-9\\]/.test(group));
  if (bad === undefined) return substitution;
  at.warn(`the substitution ends at '${bad[0]}', which is neither \\\\ nor a group's number`);
  return substitution.slice(0, bad.index);
}

/** @returns how many capturing groups the pattern has. */
function groupsOf(regex: string, at: Place): number {
  try {
    return parseRe2(regex).groups;
  } catch (error) {
    if (error instanceof Re2Error) throw at.problem(error.message);
    throw error;
  }
}
