/**
 * JSON text: its values by JSON.parse, and the place of a field by walking the text along the path, which needs no tree of the whole text.
 * Text that is not quite JSON is read again by {@link readJson}, which takes what Envoy takes and says exactly what is wrong.
 * Follows RFC 8259.
 */
import { camelCase } from '#api/field-names.ts';
import { JsonSyntaxError, readJson } from '#api/json-reader.ts';
import type { PathStep } from '#api/place.ts';
import { ConfigError } from '#api/problems.ts';
import { positionOf } from '#api/text-position.ts';

/** Offsets of a piece of text. */
export interface Range {
  start: number;
  end: number;
}

/** Where a path leads in a text, or, if it does not lead there, the nearest parent. */
export interface FoundRange {
  /** False if this is a parent. */
  found: boolean;
  /** How many steps of the path were found. */
  depth: number;
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
  } catch {
    return parseAgain(text, name);
  }
}

function parseAgain(text: string, name: string): unknown {
  try {
    return readJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const place = positionOf(text, error.offset);
    const message = `this is not JSON: ${error.message}`;
    throw new ConfigError([{ severity: 'error', file: name, ...place, length: 1, path: '', message }]);
  }
}

/** Where the field at `steps` stands in the text. */
export function locateJson(text: string, steps: readonly PathStep[]): FoundRange | undefined {
  const walk = new JsonWalk(text);
  let at: { key: Range | undefined; start: number } = { key: undefined, start: walk.space(0) };
  for (let depth = 0; depth < steps.length; depth++) {
    const step = steps[depth];
    const list = text[at.start] === '[';
    const next = list ? walk.item(at.start, step) : walk.field(at.start, step);
    // A single value where a list is meant has the place of the list's first element.
    if (next === undefined && step === 0 && !list) continue;
    if (next === undefined) return found(walk, at, depth, false);
    at = next;
  }
  return found(walk, at, steps.length, true);
}

function found(
  walk: JsonWalk,
  at: { key: Range | undefined; start: number },
  depth: number,
  complete: boolean,
): FoundRange {
  const first = walk.text[at.start];
  const scalar = first !== '{' && first !== '[';
  const value = { start: at.start, end: scalar ? walk.skip(at.start) : at.start + 1 };
  return { found: complete, depth, key: at.key, value, scalar };
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy;
const ATOM = /[^\s{}[\]:,"']+/y;

/** Steps over JSON text by offsets. The text was read before, so this takes what it finds. */
class JsonWalk {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The offset after white space. */
  space(offset: number): number {
    return this.#after(SPACE, offset) ?? offset;
  }

  /** The offset after the value at `offset`. */
  skip(offset: number): number {
    let depth = 0;
    let at = this.space(offset);
    while (at < this.text.length) {
      const char = this.text[at];
      if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
      at = this.#after(STRING, at) ?? this.#after(ATOM, at) ?? at + 1;
      if (depth === 0) return at;
      at = this.space(at);
    }
    return at;
  }

  item(list: number, index: PathStep): { key: undefined; start: number } | undefined {
    let at = this.space(list + 1);
    for (let i = 0; this.text[at] !== ']' && at < this.text.length; i++) {
      if (i === index) return { key: undefined, start: at };
      at = this.#comma(this.skip(at));
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
    while (this.text[at] !== '}' && at < this.text.length) {
      const key = { start: at, end: this.skip(at) };
      const start = this.space(this.space(key.end) + 1);
      const text = this.#name(key);
      if (text === name) exact = { key, start };
      else if (camelCase(text) === camel) other = { key, start };
      at = this.#comma(this.skip(start));
    }
    return exact ?? other;
  }

  #comma(offset: number): number {
    const at = this.space(offset);
    return this.text[at] === ',' ? this.space(at + 1) : at;
  }

  #name(range: Range): string {
    const text = this.text.slice(range.start, range.end);
    if (text.includes('\\')) return String(readJson(text));
    return /^["']/.test(text) ? text.slice(1, -1) : text;
  }

  #after(pattern: RegExp, offset: number): number | undefined {
    pattern.lastIndex = offset;
    return pattern.test(this.text) ? pattern.lastIndex : undefined;
  }
}
