/**
 * Reads regular expressions in RE2's syntax, and refuses what RE2 refuses: look-around, backreferences, stacked repetitions, ...
 * Follows https://github.com/google/re2/wiki/Syntax
 */
import {
  ANY,
  ANY_BUT_NEWLINE,
  type CodePoints,
  folded,
  negated,
  normalized,
  PERL_CLASSES,
  POSIX_CLASSES,
  unicodeClass,
} from '#config/syntax/code-points.ts';
import { type Assertion, Re2Error, type Re2Node, type Re2Pattern } from '#config/syntax/re2-node.ts';

const MAX_REPEAT = 1000;
const MAX_DEPTH = 1000;

/** @throws Re2Error for a pattern that RE2 refuses. */
export function parseRe2(pattern: string): Re2Pattern {
  return new Parser(pattern).parse();
}

interface Flags {
  foldCase: boolean;
  dotMatchesNewline: boolean;
  multiLine: boolean;
  ungreedy: boolean;
}

const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  A: 'text_start',
  z: 'text_end',
  b: 'word_boundary',
  B: 'no_word_boundary',
};
const ESCAPED_CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

class Parser {
  readonly #pattern: string;
  #at = 0;
  #groups = 0;
  #depth = 0;
  #flags: Flags = { foldCase: false, dotMatchesNewline: false, multiLine: false, ungreedy: false };
  readonly #names = new Set<string>();

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  parse(): Re2Pattern {
    const node = this.#choice();
    if (this.#at < this.#pattern.length) throw this.#error('unexpected )', this.#pattern);
    checkRepeats(node, 1, this.#pattern);
    return { node, groups: this.#groups };
  }

  #choice(): Re2Node {
    if (++this.#depth > MAX_DEPTH) throw this.#error('expression nests too deeply', this.#pattern);
    const flags = this.#flags;
    const nodes = [this.#sequence()];
    while (this.#takes('|')) nodes.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    return nodes.length === 1 ? nodes[0] : { kind: 'choice', nodes };
  }

  #sequence(): Re2Node {
    const nodes: Re2Node[] = [];
    /** Where the last repetition operator stands, while nothing followed it. */
    let operatorAt = -1;
    while (this.#at < this.#pattern.length && !this.#sees('|') && !this.#sees(')')) {
      const start = this.#at;
      const repeat = this.#repetition();
      if (repeat === undefined) {
        operatorAt = -1;
        this.#atoms(nodes);
        continue;
      }
      if (operatorAt >= 0) throw this.#error('bad repetition operator', this.#pattern.slice(operatorAt, this.#at));
      const node = nodes.pop();
      const text = this.#pattern.slice(start, this.#at);
      if (node === undefined) throw this.#error('no argument for repetition operator', text);
      nodes.push({ kind: 'repeat', node, ...repeat });
      operatorAt = start;
    }
    return nodes.length === 1 ? nodes[0] : { kind: 'sequence', nodes };
  }

  /** Adds what stands here: one atom, or all of `\Q...\E`, or nothing for flags. */
  #atoms(nodes: Re2Node[]): void {
    if (this.#takes('\\Q')) {
      const end = this.#pattern.indexOf('\\E', this.#at);
      const text = this.#pattern.slice(this.#at, end < 0 ? undefined : end);
      this.#at = end < 0 ? this.#pattern.length : end + 2;
      for (const character of text) nodes.push(this.#literal(character.codePointAt(0) as number));
      return;
    }
    const node = this.#atom();
    if (node !== undefined) nodes.push(node);
  }

  #atom(): Re2Node | undefined {
    if (this.#takes('(')) return this.#group();
    if (this.#sees('[')) return { kind: 'set', points: this.#bracket() };
    if (this.#takes('.')) return { kind: 'set', points: this.#flags.dotMatchesNewline ? ANY : ANY_BUT_NEWLINE };
    if (this.#takes('^')) return assertion(this.#flags.multiLine ? 'line_start' : 'text_start');
    if (this.#takes('$')) return assertion(this.#flags.multiLine ? 'line_end' : 'text_end');
    if (!this.#sees('\\')) return this.#literal(this.#next());
    const named = ASSERTIONS[this.#pattern[this.#at + 1]];
    if (named !== undefined) {
      this.#at += 2;
      return assertion(named);
    }
    const points = this.#classEscape();
    return points === undefined ? this.#literal(this.#escape()) : { kind: 'set', points };
  }

  #literal(point: number): Re2Node {
    const points = [point, point];
    return { kind: 'set', points: this.#flags.foldCase ? folded(points) : points };
  }

  /** After the opening parenthesis. */
  #group(): Re2Node | undefined {
    const start = this.#at - 1;
    if (!this.#sees('?')) return this.#capture();
    const name = /^\?P?<([^>]*)>/.exec(this.#pattern.slice(this.#at));
    if (name !== null && !/^\?<[=!]/.test(name[0])) {
      if (!/^\w+$/.test(name[1]) || this.#names.has(name[1])) {
        throw this.#error('invalid named capture group', this.#names.has(name[1]) ? name[1] : `(${name[0]}`);
      }
      this.#names.add(name[1]);
      this.#at += name[0].length;
      return this.#capture();
    }
    const flags = /^\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#pattern.slice(this.#at));
    if (flags === null) throw this.#badPerl(start);
    this.#at += flags[0].length;
    const outer = this.#flags;
    this.#flags = withFlags(outer, flags[1], flags[2] ?? '');
    if (flags[3] === ')') return undefined;
    const node = this.#choice();
    this.#flags = outer;
    this.#close();
    // Kept as a node of its own: what is repeated is the whole of it.
    return node.kind === 'sequence' && node.nodes.length === 0 ? { kind: 'choice', nodes: [node] } : node;
  }

  #capture(): Re2Node {
    const index = ++this.#groups;
    const node = this.#choice();
    this.#close();
    return { kind: 'group', index, node };
  }

  #close(): void {
    if (!this.#takes(')')) throw this.#error('missing )', this.#pattern);
  }

  #badPerl(start: number): Re2Error {
    const [operator] = /^\(\?(?:P?<[=!]?|P=|[imsU-]*.?)/.exec(this.#pattern.slice(start)) ?? ['(?'];
    return this.#error(/^\(\?P</.test(operator) ? 'invalid named capture group' : 'invalid perl operator', operator);
  }

  /** @returns the repetition that stands here; a brace that is none is a literal. */
  #repetition(): { min: number; max: number; greedy: boolean } | undefined {
    let min: number;
    let max: number;
    const start = this.#at;
    if (this.#takes('*')) [min, max] = [0, Number.POSITIVE_INFINITY];
    else if (this.#takes('+')) [min, max] = [1, Number.POSITIVE_INFINITY];
    else if (this.#takes('?')) [min, max] = [0, 1];
    else {
      const counted = /^\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/.exec(this.#pattern.slice(start, start + 40));
      if (counted === null) return undefined;
      this.#at += counted[0].length;
      min = Number(counted[1]);
      max = counted[2] === undefined ? min : counted[3] === undefined ? Number.POSITIVE_INFINITY : Number(counted[3]);
      const largest = max === Number.POSITIVE_INFINITY ? min : max;
      if (min > max || largest > MAX_REPEAT) throw this.#error('invalid repetition size', counted[0]);
    }
    return { min, max, greedy: this.#takes('?') === this.#flags.ungreedy };
  }

  /** `[...]`. */
  #bracket(): CodePoints {
    const start = this.#at++;
    const negate = this.#takes('^');
    const points: number[] = [];
    for (let first = true; first || !this.#sees(']'); first = false) {
      if (this.#at >= this.#pattern.length) throw this.#error('missing ]', this.#pattern.slice(start));
      points.push(...(this.#posixClass() ?? this.#classEscape() ?? this.#range()));
    }
    this.#at++;
    return negate ? negated(normalized(points)) : normalized(points);
  }

  #posixClass(): CodePoints | undefined {
    if (!this.#sees('[:')) return undefined;
    const end = this.#pattern.indexOf(':]', this.#at + 2);
    if (end < 0) return undefined;
    const text = this.#pattern.slice(this.#at, end + 2);
    const negate = text[2] === '^';
    const name = text.slice(negate ? 3 : 2, -2);
    if (!Object.hasOwn(POSIX_CLASSES, name)) throw this.#error('invalid character class range', text);
    this.#at = end + 2;
    return this.#named(POSIX_CLASSES[name], negate);
  }

  /** `\d`, `\W`, `\pN`, `\P{Greek}`, `\p{^L}`. */
  #classEscape(): CodePoints | undefined {
    if (!this.#sees('\\')) return undefined;
    const letter = this.#pattern[this.#at + 1] ?? '';
    const lower = letter.toLowerCase();
    if ('dsw'.includes(lower) && lower !== '') {
      this.#at += 2;
      return this.#named(PERL_CLASSES[lower], letter !== lower);
    }
    if (lower !== 'p') return undefined;
    const [text, name] = /^\\[pP](\{[^}]*\}|[^{])/u.exec(this.#pattern.slice(this.#at)) ?? [];
    if (text === undefined || name === undefined) {
      throw this.#error('invalid character class range', this.#pattern.slice(this.#at));
    }
    const bare = name.replace(/^\{|\}$/g, '');
    const points = unicodeClass(bare.replace(/^\^/, ''));
    if (points === undefined) throw this.#error('invalid character class range', text);
    this.#at += text.length;
    return this.#named(points, (letter === 'P') !== bare.startsWith('^'));
  }

  #named(points: CodePoints, negate: boolean): CodePoints {
    const cased = this.#flags.foldCase ? folded(points) : points;
    return negate ? negated(cased) : cased;
  }

  /** One character of a bracket, or a range of them. */
  #range(): CodePoints {
    const start = this.#at;
    const first = this.#bracketCharacter();
    let last = first;
    if (this.#sees('-') && this.#at + 1 < this.#pattern.length && this.#pattern[this.#at + 1] !== ']') {
      this.#at++;
      last = this.#bracketCharacter();
      if (last < first) throw this.#error('invalid character class range', this.#pattern.slice(start, this.#at));
    }
    return this.#flags.foldCase ? folded([first, last]) : [first, last];
  }

  #bracketCharacter(): number {
    if (this.#at >= this.#pattern.length) throw this.#error('missing ]', this.#pattern);
    return this.#sees('\\') ? this.#escape() : this.#next();
  }

  /** An escape that stands for one character. */
  #escape(): number {
    const rest = this.#pattern.slice(this.#at);
    if (rest.length === 1) throw this.#error('trailing \\', '');
    // One digit from 1 to 7 alone would be a backreference, which RE2 does not have.
    const octal = /^\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
    if (octal !== null) return this.#escaped(octal[0], Number.parseInt(octal[0].slice(1), 8));
    const hex = /^\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/.exec(rest);
    if (hex !== null) {
      const point = Number.parseInt(hex[1] ?? hex[2], 16);
      if (point > 0x10ffff) throw this.#error('invalid escape sequence', hex[0]);
      return this.#escaped(hex[0], point);
    }
    if (Object.hasOwn(ESCAPED_CONTROLS, rest[1])) return this.#escaped(rest.slice(0, 2), ESCAPED_CONTROLS[rest[1]]);
    if (/^\\[!-/:-@[-`{-~]/.test(rest)) return this.#escaped(rest.slice(0, 2), rest.charCodeAt(1));
    throw this.#error('invalid escape sequence', `\\${String.fromCodePoint(rest.codePointAt(1) as number)}`);
  }

  #escaped(text: string, point: number): number {
    this.#at += text.length;
    return point;
  }

  #next(): number {
    const point = this.#pattern.codePointAt(this.#at) as number;
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #sees(text: string): boolean {
    return this.#pattern.startsWith(text, this.#at);
  }

  #takes(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }

  #error(what: string, where: string): Re2Error {
    return new Re2Error(where === '' ? what : `${what}: ${where}`);
  }
}

function assertion(what: Assertion): Re2Node {
  return { kind: 'assertion', assertion: what };
}

function withFlags(flags: Flags, on: string, off: string): Flags {
  const value = (letter: string, before: boolean) => !off.includes(letter) && (on.includes(letter) || before);
  return {
    foldCase: value('i', flags.foldCase),
    dotMatchesNewline: value('s', flags.dotMatchesNewline),
    multiLine: value('m', flags.multiLine),
    ungreedy: value('U', flags.ungreedy),
  };
}

/** Counted repetitions of counted repetitions must not come to more than a thousand either. */
function checkRepeats(node: Re2Node, factor: number, pattern: string): void {
  switch (node.kind) {
    case 'sequence':
    case 'choice':
      for (const part of node.nodes) checkRepeats(part, factor, pattern);
      return;
    case 'group':
      return checkRepeats(node.node, factor, pattern);
    case 'repeat': {
      const count = node.max === Number.POSITIVE_INFINITY ? node.min : node.max;
      const inner = factor * Math.max(1, count);
      if (inner > MAX_REPEAT) throw new Re2Error(`invalid repetition size: ${pattern}`);
      return checkRepeats(node.node, inner, pattern);
    }
  }
}
