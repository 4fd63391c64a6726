/**
 * JSON text: its values by JSON.parse, and the place of a field by walking the text along the path, which needs no tree of the whole text.
 * Text that is not quite JSON is read again by {@link readJson}, which takes what Envoy takes and says exactly what is wrong.
 * Follows RFC 8259.
 */
import { camelCase } from '#api/field-names.ts';
import { JsonSyntaxError, readJson } from '#api/json-reader.ts';
import type { PathStep } from '#api/place.ts';
import { ConfigError } from '#api/problems.ts';
import { TextLines } from '#api/text-lines.ts';

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
    const place = new TextLines(text).position(error.offset);
    const message = `this is not JSON: ${error.message}`;
    throw new ConfigError([{ severity: 'error', file: name, ...place, length: 1, path: '', message }]);
  }
}

/** Finds fields of a text. It remembers the lists and objects that it went through, so that finding many fields costs little more than one. */
export function jsonLocator(text: string): (steps: readonly PathStep[]) => FoundRange {
  const walk = new JsonWalk(text);
  return (steps) => locate(walk, steps);
}

function locate(walk: JsonWalk, steps: readonly PathStep[]): FoundRange {
  let at: Member = { key: undefined, name: '', start: walk.start() };
  for (let depth = 0; depth < steps.length; depth++) {
    const next = walk.member(at.start, steps[depth]);
    // A single value where a list is meant has the place of the list's first element.
    if (next === undefined && steps[depth] === 0 && walk.text[at.start] !== '[') continue;
    if (next === undefined) return found(walk, at, depth, false);
    at = next;
  }
  return found(walk, at, steps.length, true);
}

function found(walk: JsonWalk, at: Member, depth: number, complete: boolean): FoundRange {
  const first = walk.text[at.start];
  const scalar = first !== '{' && first !== '[';
  const value = { start: at.start, end: scalar ? walk.skip(at.start) : at.start + 1 };
  return { found: complete, depth, key: at.key, value, scalar };
}

/** An element of a list, or a field of an object. */
interface Member {
  readonly key: Range | undefined;
  readonly name: string;
  readonly start: number;
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy;
const ATOM = /[^\s{}[\]:,"']+/y;

/** Steps over JSON text by offsets. The text was read before, so this takes what it finds. */
class JsonWalk {
  readonly text: string;
  /** By the offset of the opening bracket. */
  readonly #members = new Map<number, Member[]>();

  constructor(text: string) {
    this.text = text;
  }

  /** The offset of the outermost value. */
  start(): number {
    return this.#space(0);
  }

  /** The offset after the value at `offset`. */
  skip(offset: number): number {
    let depth = 0;
    let at = offset;
    while (at < this.text.length) {
      const char = this.text[at];
      if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
      at = this.#after(STRING, at) ?? this.#after(ATOM, at) ?? at + 1;
      if (depth === 0) return at;
      at = this.#space(at);
    }
    return at;
  }

  /** An element by its index; a field by its name: the last that is called so, else the last that is called by its other spelling. */
  member(container: number, step: PathStep): Member | undefined {
    const open = this.text[container];
    if (open === '[') return this.#membersOf(container)[step as number];
    if (open !== '{') return undefined;
    const name = String(step);
    const members = this.#membersOf(container);
    const exact = members.findLast((member) => member.name === name);
    return exact ?? members.findLast((member) => camelCase(member.name) === camelCase(name));
  }

  #membersOf(container: number): Member[] {
    let members = this.#members.get(container);
    if (members === undefined) {
      members = this.text[container] === '[' ? this.#items(container) : this.#fields(container);
      this.#members.set(container, members);
    }
    return members;
  }

  #items(list: number): Member[] {
    const items: Member[] = [];
    let at = this.#space(list + 1);
    while (this.text[at] !== ']' && at < this.text.length) {
      items.push({ key: undefined, name: '', start: at });
      at = this.#comma(this.skip(at));
    }
    return items;
  }

  #fields(object: number): Member[] {
    const fields: Member[] = [];
    let at = this.#space(object + 1);
    while (this.text[at] !== '}' && at < this.text.length) {
      const key = { start: at, end: this.skip(at) };
      const start = this.#space(this.#space(key.end) + 1);
      fields.push({ key, name: this.#name(key), start });
      at = this.#comma(this.skip(start));
    }
    return fields;
  }

  #name(range: Range): string {
    const text = this.text.slice(range.start, range.end);
    if (text.includes('\\')) return String(readJson(text));
    return /^["']/.test(text) ? text.slice(1, -1) : text;
  }

  #comma(offset: number): number {
    const at = this.#space(offset);
    return this.text[at] === ',' ? this.#space(at + 1) : at;
  }

  #space(offset: number): number {
    return this.#after(SPACE, offset) ?? offset;
  }

  #after(pattern: RegExp, offset: number): number | undefined {
    pattern.lastIndex = offset;
    return pattern.test(this.text) ? pattern.lastIndex : undefined;
  }
}
