/**
 * Sets of characters as sorted, disjoint ranges of code points; the classes that RE2 knows by name, and its folding of case.
 * Follows https://github.com/google/re2/wiki/Syntax (character classes).
 */

/** Pairs of first and last: `[48, 57, 97, 102]` is `[0-9a-f]`. */
export type CodePoints = readonly number[];

const LAST = 0x10ffff;
export const ANY: CodePoints = [0, LAST];
export const ANY_BUT_NEWLINE: CodePoints = [0, 9, 11, LAST];

/** `\d`, `\s`, `\w`: ASCII only. */
export const PERL_CLASSES: Readonly<Record<string, CodePoints>> = {
  d: [48, 57],
  s: [9, 10, 12, 13, 32, 32],
  w: [48, 57, 65, 90, 95, 95, 97, 122],
};

export const POSIX_CLASSES: Readonly<Record<string, CodePoints>> = {
  alnum: [48, 57, 65, 90, 97, 122],
  alpha: [65, 90, 97, 122],
  ascii: [0, 127],
  blank: [9, 9, 32, 32],
  cntrl: [0, 31, 127, 127],
  digit: [48, 57],
  graph: [33, 126],
  lower: [97, 122],
  print: [32, 126],
  punct: [33, 47, 58, 64, 91, 96, 123, 126],
  space: [9, 13, 32, 32],
  upper: [65, 90],
  word: [48, 57, 65, 90, 95, 95, 97, 122],
  xdigit: [48, 57, 65, 70, 97, 102],
};

const properties = new Map<string, CodePoints | undefined>();

/** @returns the characters of a general category or script (`Lu`, `Greek`), or undefined for a name that there is not. */
export function unicodeClass(name: string): CodePoints | undefined {
  if (name === 'Any') return ANY;
  if (!properties.has(name)) properties.set(name, findProperty(name));
  return properties.get(name);
}

function findProperty(name: string): CodePoints | undefined {
  // RE2 leaves what is not assigned out of C.
  const property =
    name === 'C' ? '\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}' : /^[A-Z][a-z]?$/.test(name) ? `\\p{${name}}` : `\\p{Script=${name}}`;
  if (!/^[A-Za-z_]+$/.test(name)) return undefined;
  try {
    const test = new RegExp(`[${property}]`, 'u');
    return rangesWhere(0, LAST, (point) => test.test(String.fromCodePoint(point)));
  } catch {
    return undefined;
  }
}

function rangesWhere(first: number, last: number, has: (point: number) => boolean): CodePoints {
  const ranges: number[] = [];
  let start = -1;
  for (let point = first; point <= last + 1; point++) {
    const inside = point <= last && has(point);
    if (inside && start < 0) start = point;
    if (!inside && start >= 0) {
      ranges.push(start, point - 1);
      start = -1;
    }
  }
  return ranges;
}

/** @returns the union as sorted, disjoint ranges. @param ranges pairs in any order. */
export function normalized(ranges: readonly number[]): CodePoints {
  const pairs: [number, number][] = [];
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i], ranges[i + 1]]);
  pairs.sort((a, b) => a[0] - b[0]);
  const merged: number[] = [];
  for (const [first, last] of pairs) {
    const end = merged.length - 1;
    if (end >= 0 && first <= merged[end] + 1) merged[end] = Math.max(merged[end], last);
    else merged.push(first, last);
  }
  return merged;
}

export function negated(points: CodePoints): CodePoints {
  const rest: number[] = [];
  let next = 0;
  for (let i = 0; i < points.length; i += 2) {
    if (points[i] > next) rest.push(next, points[i] - 1);
    next = points[i + 1] + 1;
  }
  if (next <= LAST) rest.push(next, LAST);
  return rest;
}

/** @returns the part of the set from `first` to `last`. */
export function within(points: CodePoints, first: number, last: number): CodePoints {
  const part: number[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const from = Math.max(points[i], first);
    const to = Math.min(points[i + 1], last);
    if (from <= to) part.push(from, to);
  }
  return part;
}

/** Unicode folds two characters beyond ASCII to letters of ASCII: the long s and the sign for kelvin. */
const LONG_S = 0x17f;
const KELVIN = 0x212a;

/** @returns the set with every other case of its letters. */
export function folded(points: CodePoints): CodePoints {
  const upper = within(points, 65, 90);
  const lower = within(points, 97, 122);
  const both = [...points, ...upper.map((point) => point + 32), ...lower.map((point) => point - 32)];
  if (points.every((point) => point < 128)) {
    if (contains(both, 107)) both.push(KELVIN, KELVIN);
    if (contains(both, 115)) both.push(LONG_S, LONG_S);
    return normalized(both);
  }
  const set = normalized(both);
  const test = new RegExp(`[${classText(set)}]`, 'iu');
  const others = casedPoints().filter((point) => test.test(String.fromCodePoint(point)));
  return normalized([...set, ...others.flatMap((point) => [point, point])]);
}

function contains(ranges: readonly number[], point: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) if (ranges[i] <= point && point <= ranges[i + 1]) return true;
  return false;
}

function classText(points: CodePoints): string {
  let text = '';
  for (let i = 0; i < points.length; i += 2)
    text += `\\u{${points[i].toString(16)}}-\\u{${points[i + 1].toString(16)}}`;
  return text;
}

let cased: number[] | undefined;

/** Every character that has another case; looked for when a pattern folds letters beyond ASCII. */
function casedPoints(): number[] {
  if (cased === undefined) {
    cased = [];
    const test =
      /[\p{Lu}\p{Ll}\p{Lt}\p{Changes_When_Casefolded}\p{Changes_When_Uppercased}\p{Changes_When_Lowercased}]/u;
    for (let point = 65; point < 0x1f000; point++) if (test.test(String.fromCodePoint(point))) cased.push(point);
  }
  return cased;
}
