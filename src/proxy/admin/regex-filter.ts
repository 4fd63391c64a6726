/**
 * Regular expressions that callers of the admin API filter names by.
 */

/** What keeps a name, or why the pattern is none. */
export type RegexFilter = { keeps: (name: string) => boolean } | { problem: string };

/** @param pattern matches anywhere in a name; undefined or empty keeps all. */
export function regexFilter(pattern: string | undefined, invert = false): RegexFilter {
  if (!pattern) return { keeps: () => true };
  try {
    const regex = new RegExp(pattern);
    return { keeps: (name) => regex.test(name) !== invert };
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: \/.*\/\w*: /, '');
    return { problem: `${reason}: ${pattern}` };
  }
}
