/**
 * Regular expressions of RE2 that callers of the admin API filter names by.
 */
import { Re2Error } from '#config/syntax/re2-node.ts';
import { partialMatcher } from '#selection/regex.ts';

/** What keeps a name, or why the pattern is none, in RE2's words. */
export type RegexFilter = { keeps: (name: string) => boolean } | { problem: string };

/** @param pattern matches anywhere in a name; undefined or empty keeps all. */
export function regexFilter(pattern: string | undefined, invert = false): RegexFilter {
  if (!pattern) return { keeps: () => true };
  try {
    const matches = partialMatcher(pattern);
    return { keeps: (name) => matches(name) !== invert };
  } catch (error) {
    if (error instanceof Re2Error) return { problem: error.message };
    throw error;
  }
}
