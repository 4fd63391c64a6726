/**
 * Writes a pattern of RE2 as a regular expression of JavaScript without flags: V8's linear engine, which takes over when backtracking goes
 * on too long, knows neither flags nor counted repetitions of more than 16, so case is folded into the classes and long counts are written out.
 */
import { type CodePoints, within } from '#config/syntax/code-points.ts';
import type { Assertion, Re2Node } from '#config/syntax/re2-node.ts';

export interface SourceOptions {
  /** Subjects hold ASCII only: what lies beyond is left out of every class. */
  ascii: boolean;
  /** Groups capture: for replacing. Else they only group. */
  captures: boolean;
}

/** V8's bound for the linear engine: products of nested counts. */
const MAX_COUNT = 16;
/** Where writing counts out would make the source longer than this, they stay as they are. */
const MAX_LENGTH = 200_000;

/** Header values and paths hold no newline, so the lookbehind is for the few subjects that do. */
const ASSERTIONS: Readonly<Record<Assertion, string>> = {
  text_start: '(?:^)',
  text_end: '(?:$)',
  line_start: '(?:^|(?<=\\n))',
  line_end: '(?:$|(?=\\n))',
  word_boundary: '(?:\\b)',
  no_word_boundary: '(?:\\B)',
};

export function regexSource(node: Re2Node, options: SourceOptions): string {
  return write(node, options, 1);
}

/** @param factor how often what stands around repeats it, in counts that are not written out. */
function write(node: Re2Node, options: SourceOptions, factor: number): string {
  switch (node.kind) {
    case 'set':
      return options.ascii ? asciiClass(node.points) : wideClass(node.points);
    case 'sequence':
      return node.nodes.map((part) => inSequence(part, options, factor)).join('');
    case 'choice':
      return node.nodes.map((part) => write(part, options, factor)).join('|');
    case 'group':
      return `(${options.captures ? '' : '?:'}${write(node.node, options, factor)})`;
    case 'assertion':
      return ASSERTIONS[node.assertion];
    case 'repeat':
      return repeat(node, options, factor);
  }
}

function inSequence(node: Re2Node, options: SourceOptions, factor: number): string {
  const text = write(node, options, factor);
  return node.kind === 'choice' ? `(?:${text})` : text;
}

function repeat(node: Re2Node & { kind: 'repeat' }, options: SourceOptions, factor: number): string {
  const { min, max } = node;
  const lazy = node.greedy ? '' : '?';
  const atom = (around: number) => {
    const text = write(node.node, options, around);
    return node.node.kind === 'set' || node.node.kind === 'group' || node.node.kind === 'assertion'
      ? text
      : `(?:${text})`;
  };
  const count = max === Number.POSITIVE_INFINITY ? min : max;
  if (count <= 1) return `${atom(factor)}${operator(min, max)}${lazy}`;
  const compact = `${atom(factor * count)}{${min},${max === Number.POSITIVE_INFINITY ? '' : max}}${lazy}`;
  const mayCopy = !options.captures || !holdsGroup(node.node);
  if (factor * count <= MAX_COUNT || !mayCopy) return compact;
  const copy = atom(1);
  if (copy.length * count > MAX_LENGTH) return compact;
  if (max === Number.POSITIVE_INFINITY) return `${copy.repeat(min)}${copy}*${lazy}`;
  // a{1,3} as a(?:a(?:a)?)?: each further copy only after the one before.
  return copy.repeat(min) + `(?:${copy}`.repeat(max - min) + `)?${lazy}`.repeat(max - min);
}

function operator(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? '*' : '+';
  if (max === 0) return '{0}';
  return min === 0 ? '?' : '';
}

function holdsGroup(node: Re2Node): boolean {
  switch (node.kind) {
    case 'group':
      return true;
    case 'sequence':
    case 'choice':
      return node.nodes.some(holdsGroup);
    case 'repeat':
      return holdsGroup(node.node);
    default:
      return false;
  }
}

function asciiClass(points: CodePoints): string {
  const part = within(points, 0, 127);
  if (part.length === 2 && part[0] === 0 && part[1] === 127) return '[^]';
  if (part.length === 4 && part[0] === 0 && part[1] === 9 && part[2] === 11 && part[3] === 127) return '[^\\n]';
  return classOf(part);
}

/** Characters beyond the first plane are two units in a string without the `u` flag. Surrogates alone are bytes that are no UTF-8. */
function wideClass(points: CodePoints): string {
  const plane = classOf([...within(points, 0, 0xd7ff), ...within(points, 0xe000, 0xffff)]);
  const pairs = surrogatePairs(within(points, 0x1_0000, 0x10_ffff));
  return pairs.length === 0 ? plane : `(?:${[plane, ...pairs].join('|')})`;
}

function surrogatePairs(points: CodePoints): string[] {
  const pairs: string[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const [firstHigh, firstLow] = halves(points[i]);
    const [lastHigh, lastLow] = halves(points[i + 1]);
    const add = (high: number, lastOfHigh: number, low: number, lastOfLow: number) => {
      if (high <= lastOfHigh) pairs.push(classOf([high, lastOfHigh]) + classOf([low, lastOfLow]));
    };
    if (firstHigh === lastHigh) add(firstHigh, firstHigh, firstLow, lastLow);
    else {
      add(firstHigh, firstHigh, firstLow, 0xdfff);
      add(firstHigh + 1, lastHigh - 1, 0xdc00, 0xdfff);
      add(lastHigh, lastHigh, 0xdc00, lastLow);
    }
  }
  return pairs;
}

function halves(point: number): [number, number] {
  const offset = point - 0x1_0000;
  return [0xd800 + (offset >> 10), 0xdc00 + (offset & 0x3ff)];
}

function classOf(points: CodePoints): string {
  if (points.length === 2 && points[0] === points[1]) return character(points[0]);
  let text = '';
  for (let i = 0; i < points.length; i += 2) {
    text += points[i] === points[i + 1] ? character(points[i]) : `${character(points[i])}-${character(points[i + 1])}`;
  }
  return `[${text}]`;
}

function character(unit: number): string {
  const text = String.fromCharCode(unit);
  return /[0-9A-Za-z_/]/.test(text) ? text : `\\u${unit.toString(16).padStart(4, '0')}`;
}
