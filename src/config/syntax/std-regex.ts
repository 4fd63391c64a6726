/**
 * Regular expressions of stat tags, which are C++'s (`std::regex`, its ECMAScript grammar) and not RE2's: classes have POSIX names, and what
 * came to ECMAScript later (groups with names, looking behind) is not there.
 * Follows https://en.cppreference.com/w/cpp/regex/ecmascript
 */

const CLASSES: { readonly [name: string]: string } = {
  alpha: 'a-zA-Z',
  digit: '0-9',
  alnum: 'a-zA-Z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  xdigit: '0-9A-Fa-f',
  space: '\\s',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  punct: '!-\\/:-@\\[-`{-~',
  graph: '!-~',
  print: ' -~',
  d: '\\d',
  s: '\\s',
  w: '\\w',
};
const ESCAPE = 'The expression contained an invalid escaped character, or a trailing escape.';
const REPEATED = 'One of *?+{ was not preceded by a valid regular expression.';
const BRACES = 'The expression contained mismatched { and }.';
const CLASS_NAME = 'The expression contained an invalid character class name.';

/** An escape, a class in brackets, the beginning of a group, or a brace. */
const PART =
  /\\(?<escaped>x[\da-f]{2}|u[\da-f]{4}|c[a-z]|.|$)|\[(?<class>(?:\\.|\[:\w*:\]|[^\]\\])*)\]|\((?<group>\?.?)|\{(?<count>\d+(?:,\d*)?\})?/gis;

/** @returns one that also tells where its groups are. @throws SyntaxError in the words of C++ where it differs from ECMAScript. */
export function stdRegex(pattern: string): RegExp {
  const translated = pattern.replaceAll(PART, (part, ...rest) => {
    const groups = rest.at(-1) as Record<'escaped' | 'class' | 'group' | 'count', string | undefined>;
    if (groups.escaped !== undefined) return escapeOf(part, groups.escaped);
    if (groups.group !== undefined && !/^\?[:=!]/.test(groups.group)) throw new SyntaxError(REPEATED);
    if (part === '{') throw new SyntaxError(BRACES);
    return groups.class === undefined ? part : `[${groups.class.replaceAll(/\[:(\w*):\]/g, named)}]`;
  });
  return new RegExp(translated, 'd');
}

function escapeOf(part: string, escaped: string): string {
  if (escaped === '' || (/^[a-z]$/i.test(escaped) && !/^[dDsSwWbBfnrtv]$/.test(escaped))) throw new SyntaxError(ESCAPE);
  return part;
}

function named(_part: string, name: string): string {
  if (!Object.hasOwn(CLASSES, name)) throw new SyntaxError(CLASS_NAME);
  return CLASSES[name];
}
