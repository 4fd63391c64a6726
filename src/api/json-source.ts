/**
 * JSON text: its values by JSON.parse, and the place of a field by walking the text along the path, which needs no tree of the whole text.
 * Follows RFC 8259.
 */
import { camelCase } from '#api/field-names.ts';
import type { PathStep } from '#api/place.ts';
import { ConfigError } from '#api/problems.ts';

/** Offsets of a piece of text. */
export interface Range {
  start: number;
  end: number;
}

/** Where a path leads in a text, or, if it does not lead there, the nearest parent. */
export interface FoundRange {
  /** False if this is a parent. */
  found: boolean;
  /** The field's name in the text; an element of a list has none. */
  key: Range | undefined;
  value: Range;
  /** Is the value a scalar, so that all of it can be shown? */
  scalar: boolean;
}

/** @throws ConfigError with the place of a syntax error. */
export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const [message, line, column] = explained(error instanceof Error ? error.message : String(error), text);
    throw new ConfigError([
      { severity: 'error', file: name, line, column, length: 1, path: '', message: `this is not JSON: ${message}` },
    ]);
  }
}

/** V8's words without the place in them, and the place: `Expected ',' ... in JSON at position 13 (line 2 column 3)`. */
function explained(words: string, text: string): [message: string, line: number, column: number] {
  const [message] = words.split(/ in JSON at position| at position|, "|, \.\.\."/);
  const place = /\(line (\d+) column (\d+)\)/.exec(words);
  if (place !== null) return [message, Number(place[1]), Number(place[2])];
  const token = /^Unexpected token '(.)'/su.exec(words)?.[1];
  const offset = token === undefined ? text.length : badToken(text);
  const before = text.slice(0, offset).split('\n');
  return [message.replace(' JSON input', ' input'), before.length, (before.at(-1)?.length ?? 0) + 1];
}

/** V8 names no place for a token that it does not know: it is where our own walk cannot go on. */
function badToken(text: string): number {
  return new JsonWalk(text).skip(0, true);
}

/** Where the field at `steps` stands in the text. */
export function locateJson(text: string, steps: readonly PathStep[]): FoundRange | undefined {
  const walk = new JsonWalk(text);
  let at: { key: Range | undefined; start: number } = { key: undefined, start: walk.space(0) };
  for (const step of steps) {
    const list = text[at.start] === '[';
    const next =
      typeof step === 'number' && list ? walk.item(at.start, step) : list ? undefined : walk.field(at.start, step);
    if (next === undefined && step === 0 && !list) continue;
    if (next === undefined) return found(walk, at, false);
    at = next;
  }
  return found(walk, at, true);
}

function found(walk: JsonWalk, at: { key: Range | undefined; start: number }, complete: boolean): FoundRange {
  const first = walk.text[at.start];
  const scalar = first !== '{' && first !== '[';
  const value = { start: at.start, end: scalar ? walk.skip(at.start) : at.start + 1 };
  return { found: complete, key: at.key, value, scalar };
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const ATOM = /[-+.0-9a-zA-Z]+/y;
const KNOWN_ATOM = /^(?:true|false|null|-?\d.*)$/;

/** Steps over JSON text by offsets. The text was parsed before, so it takes what it finds. */
class JsonWalk {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The offset after white space. */
  space(offset: number): number {
    return this.#after(SPACE, offset);
  }

  /** The offset after the value at `offset`; when `strict`, that of the first piece that is no JSON. */
  skip(offset: number, strict = false): number {
    let depth = 0;
    let at = this.space(offset);
    while (at < this.text.length) {
      const char = this.text[at];
      if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
      if (char === '"') at = this.#after(STRING, at);
      else if (/[-0-9a-zA-Z]/.test(char)) {
        const end = this.#after(ATOM, at);
        if (strict && !KNOWN_ATOM.test(this.text.slice(at, end))) return at;
        at = end;
      } else if (strict && !/[{}[\]:,]/.test(char)) return at;
      else at++;
      if (depth === 0 && !strict) return at;
      at = this.space(at);
    }
    return at;
  }

  item(list: number, index: number): { key: undefined; start: number } | undefined {
    let at = this.space(list + 1);
    for (let i = 0; this.text[at] !== ']' && at < this.text.length; i++) {
      if (i === index) return { key: undefined, start: at };
      at = this.space(this.skip(at));
      if (this.text[at] === ',') at = this.space(at + 1);
    }
    return undefined;
  }

  /** The last field that is called `name`, else the last that is called by its other spelling. */
  field(object: number, name: PathStep): { key: Range; start: number } | undefined {
    if (this.text[object] !== '{') return undefined;
    const camel = camelCase(String(name));
    let exact: { key: Range; start: number } | undefined;
    let other: { key: Range; start: number } | undefined;
    let at = this.space(object + 1);
    while (this.text[at] === '"') {
      const key = { start: at, end: this.#after(STRING, at) };
      const start = this.space(this.space(key.end) + 1);
      const text = this.#string(key);
      if (text === name) exact = { key, start };
      else if (camelCase(text) === camel) other = { key, start };
      at = this.space(this.skip(start));
      if (this.text[at] === ',') at = this.space(at + 1);
    }
    return exact ?? other;
  }

  #string(range: Range): string {
    const text = this.text.slice(range.start, range.end);
    return text.includes('\\') ? JSON.parse(text) : text.slice(1, -1);
  }

  #after(pattern: RegExp, offset: number): number {
    pattern.lastIndex = offset;
    return pattern.test(this.text) ? pattern.lastIndex : offset + 1;
  }
}
