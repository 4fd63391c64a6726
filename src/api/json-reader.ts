/**
 * JSON as Envoy's reader takes it, which is a little more than JSON: text in single quotes, names without quotes, a comma before a closing
 * bracket. Slower than JSON.parse, and read only when that refuses; an error knows its offset.
 * Follows RFC 8259 and what Envoy 1.40 does.
 */

export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.offset = offset;
  }
}

/** As deep as JSON.parse is asked to go here; Envoy stops at 100 messages. */
const MAX_DEPTH = 1000;

/** @throws JsonSyntaxError */
export function readJson(text: string): unknown {
  const reader = new JsonReader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

const SPACE = /[ \t\r\n]*/y;
const NAME = /[A-Za-z_$][\w$]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const PLAIN = { '"': /[^"\\]*/y, "'": /[^'\\]*/y };
const ESCAPES: Record<string, string> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
};
const CONSTANTS: Record<string, unknown> = { true: true, false: false, null: null };

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): unknown {
    this.#take(SPACE);
    if (depth > MAX_DEPTH) this.#fail(`nested more than ${MAX_DEPTH} deep`);
    const char = this.#text[this.#at];
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#list(depth);
    if (char === '"' || char === "'") return this.#string(char);
    const start = this.#at;
    const number = this.#take(NUMBER);
    if (number !== '') return Number(number);
    const name = this.#take(NAME);
    if (Object.hasOwn(CONSTANTS, name)) return CONSTANTS[name];
    this.#at = start;
    return this.#unexpected('a value');
  }

  end(): void {
    this.#take(SPACE);
    if (this.#at < this.#text.length) this.#unexpected('the end');
  }

  #object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#each('}', () => {
      const name = this.#name();
      this.#take(SPACE);
      if (this.#text[this.#at] !== ':') this.#unexpected(`':' after the name`);
      this.#at++;
      const value = this.value(depth + 1);
      Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
    });
    return object;
  }

  #list(depth: number): unknown[] {
    const list: unknown[] = [];
    this.#each(']', () => list.push(this.value(depth + 1)));
    return list;
  }

  #each(close: string, member: () => void): void {
    for (this.#at++; ; this.#at++) {
      this.#take(SPACE);
      if (this.#text[this.#at] === close) break;
      member();
      this.#take(SPACE);
      if (this.#text[this.#at] === close) break;
      if (this.#text[this.#at] !== ',') this.#unexpected(`',' or '${close}'`);
    }
    this.#at++;
  }

  #name(): string {
    const char = this.#text[this.#at];
    if (char === '"' || char === "'") return this.#string(char);
    const name = this.#take(NAME);
    return name === '' ? this.#unexpected('a name in quotes') : name;
  }

  #string(quote: '"' | "'"): string {
    const start = this.#at++;
    let value = '';
    for (;;) {
      const part = this.#take(PLAIN[quote]);
      if (part.includes('\n')) this.#fail('this text has no closing quote', start);
      value += part;
      const char = this.#text[this.#at];
      if (char === undefined) this.#fail('this text has no closing quote', start);
      if (char === quote) break;
      value += this.#escape();
    }
    this.#at++;
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1];
    if (letter !== 'u') {
      if (!Object.hasOwn(ESCAPES, letter ?? '')) this.#fail(`no such escape: \\${letter ?? ''}`);
      this.#at += 2;
      return ESCAPES[letter];
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('expected four hexadecimal digits after \\u');
    this.#at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return '';
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #unexpected(wanted: string): never {
    const char = this.#text[this.#at];
    return this.#fail(`expected ${wanted}, got ${char === undefined ? 'the end of the file' : `'${char}'`}`);
  }

  #fail(message: string, offset = this.#at): never {
    throw new JsonSyntaxError(message, offset);
  }
}
