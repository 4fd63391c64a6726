/**
 * Regular expressions of RE2 run by V8: 60 ns a match, and in linear time, because V8 is told to hand patterns that backtrack too long to its
 * linear engine. Subjects hold one character a byte, as header values and paths do.
 * Follows envoy.type.matcher.v3.RegexMatcher (the whole string must match) and RegexMatchAndSubstitute.
 */
import { setFlagsFromString } from 'node:v8';
import { parseRe2 } from '#config/syntax/re2.ts';
import type { Re2Pattern } from '#config/syntax/re2-node.ts';
import { regexSource, type SourceOptions } from '#selection/regex-source.ts';
import { decodeUtf8, encodeUtf8 } from '#selection/utf8-text.ts';

// The launcher gives the flag too; here it holds for every way to start.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const BEYOND_ASCII = /[\x80-\xff]/;
const LITERAL = /^[\w/ ,:;=@%&"'<>#~!-]*$/;

/** @returns whether a string as a whole matches. @throws Re2Error for a pattern that RE2 refuses. */
export function fullMatcher(pattern: string): (value: string) => boolean {
  if (LITERAL.test(pattern)) return (value) => value === pattern;
  const parsed = parseRe2(pattern);
  const ascii = compile(parsed, { ascii: true, captures: false, mode: 'whole' });
  let wide: RegExp | undefined;
  return (value) => {
    if (!BEYOND_ASCII.test(value)) return ascii.test(value);
    wide ??= compile(parsed, { ascii: false, captures: false, mode: 'whole' });
    return wide.test(decodeUtf8(value));
  };
}

/** @returns whether a string has a part that matches. @throws Re2Error for a pattern that RE2 refuses. */
export function partialMatcher(pattern: string): (value: string) => boolean {
  const parsed = parseRe2(pattern);
  const ascii = compile(parsed, { ascii: true, captures: false, mode: 'find' });
  let wide: RegExp | undefined;
  return (value) => {
    if (!BEYOND_ASCII.test(value)) return ascii.test(value);
    wide ??= compile(parsed, { ascii: false, captures: false, mode: 'find' });
    return wide.test(decodeUtf8(value));
  };
}

/** What `fullGroups` finds: the whole at 0, then the groups; undefined for a group that took no part. */
export type Groups = readonly (string | undefined)[];

/** @returns the groups of a string that matches as a whole, else undefined. @throws Re2Error. */
export function fullGroups(pattern: string): (value: string) => Groups | undefined {
  const parsed = parseRe2(pattern);
  const ascii = compile(parsed, { ascii: true, captures: true, mode: 'whole' });
  let wide: RegExp | undefined;
  return (value) => {
    if (!BEYOND_ASCII.test(value)) return ascii.exec(value) ?? undefined;
    wide ??= compile(parsed, { ascii: false, captures: true, mode: 'whole' });
    return wide.exec(decodeUtf8(value))?.map((group) => (group === undefined ? undefined : encodeUtf8(group)));
  };
}

/**
 * Replaces every match in a string, as RE2's GlobalReplace.
 * @param substitution `\1` to `\9` stand for groups, `\0` for the match, `\\` for a backslash.
 * @throws Re2Error for a pattern that RE2 refuses.
 */
export function replacer(pattern: string, substitution: string): (value: string) => string {
  const parsed = parseRe2(pattern);
  const ascii = compile(parsed, { ascii: true, captures: true, mode: 'every' });
  const pieces = substitution.split(/\\([0-9\\])/);
  let wide: RegExp | undefined;
  return (value) => {
    if (!BEYOND_ASCII.test(value)) return replaceAll(value, ascii, pieces);
    wide ??= compile(parsed, { ascii: false, captures: true, mode: 'every' });
    return encodeUtf8(replaceAll(decodeUtf8(value), wide, pieces));
  };
}

/** An empty match right after the match before does not count: RE2 differs there from JavaScript. */
function replaceAll(value: string, regex: RegExp, pieces: readonly string[]): string {
  let result = '';
  let copied = 0;
  let lastEnd = -1;
  regex.lastIndex = 0;
  for (let match = regex.exec(value); match !== null; match = regex.exec(value)) {
    const end = match.index + match[0].length;
    if (match[0] !== '' || match.index !== lastEnd) {
      result += value.slice(copied, match.index) + substitute(match, pieces);
      copied = end;
      lastEnd = end;
    }
    if (end >= value.length) break;
    if (match[0] === '') regex.lastIndex += (value.codePointAt(end) as number) > 0xffff ? 2 : 1;
  }
  return result + value.slice(copied);
}

/** @param pieces text and group numbers in turn. */
function substitute(match: RegExpExecArray, pieces: readonly string[]): string {
  let text = '';
  for (let i = 0; i < pieces.length; i++) {
    if (i % 2 === 0) text += pieces[i];
    else text += pieces[i] === '\\' ? '\\' : (match[Number(pieces[i])] ?? '');
  }
  return text;
}

interface CompileOptions extends SourceOptions {
  /** Must match from end to end, anywhere, or be found again and again. */
  mode: 'whole' | 'find' | 'every';
}

function compile({ node }: Re2Pattern, options: CompileOptions): RegExp {
  const source = regexSource(node, options);
  if (options.mode === 'whole') return new RegExp(`^(?:${source})$`);
  return new RegExp(source, options.mode === 'every' ? 'g' : '');
}
