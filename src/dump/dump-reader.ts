/**
 * Reads fields of JSON that may be of any shape: a value of another kind than expected counts as not there, and is noted.
 * Names are those of the proto files; the camel case of protobuf's JSON is taken as well.
 * Follows https://protobuf.dev/programming-guides/json
 */

export type JsonObject = Readonly<Record<string, unknown>>;

export class DumpReader {
  /** What was not understood, each with its place. */
  readonly doubts = new Set<string>();
  /** The resource that is being read, for what is noted. */
  resource = '';

  note(what: string): void {
    this.doubts.add(this.resource === '' ? what : `${this.resource}: ${what}`);
  }

  object(from: JsonObject | undefined, name: string): JsonObject | undefined {
    const value = field(from, name);
    if (value === undefined || isObject(value)) return value;
    this.#wrong(name, 'an object', value);
    return undefined;
  }

  /** The objects of a list. */
  objects(from: JsonObject | undefined, name: string): JsonObject[] {
    return this.#list(from, name).filter((item): item is JsonObject => {
      if (isObject(item)) return true;
      this.#wrong(`${name}[]`, 'an object', item);
      return false;
    });
  }

  texts(from: JsonObject | undefined, name: string): string[] {
    return this.#list(from, name).filter((item): item is string => {
      if (typeof item === 'string') return true;
      this.#wrong(`${name}[]`, 'text', item);
      return false;
    });
  }

  /** Empty where it is not there. */
  text(from: JsonObject | undefined, name: string): string {
    const value = field(from, name);
    if (typeof value === 'string') return value;
    if (value !== undefined) this.#wrong(name, 'text', value);
    return '';
  }

  /** A number, which JSON may hold as text. 0 where it is not there. */
  number(from: JsonObject | undefined, name: string): number {
    const value = field(from, name);
    if (typeof value === 'number') return value;
    if (typeof value === 'string' && value !== '' && Number.isFinite(Number(value))) return Number(value);
    if (value !== undefined) this.#wrong(name, 'a number', value);
    return 0;
  }

  flag(from: JsonObject | undefined, name: string): boolean {
    const value = field(from, name);
    if (typeof value === 'boolean') return value;
    if (value !== undefined) this.#wrong(name, 'true or false', value);
    return false;
  }

  has(from: JsonObject | undefined, name: string): boolean {
    return field(from, name) !== undefined;
  }

  #list(from: JsonObject | undefined, name: string): readonly unknown[] {
    const value = field(from, name);
    if (Array.isArray(value)) return value;
    if (value !== undefined) this.#wrong(name, 'a list', value);
    return [];
  }

  #wrong(name: string, expected: string, value: unknown): void {
    this.note(`${name} is ${kindOf(value)}, expected ${expected}`);
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function field(from: JsonObject | undefined, name: string): unknown {
  if (from === undefined) return undefined;
  return from[name] ?? (name.includes('_') ? from[camelCase(name)] : undefined) ?? undefined;
}

const camelNames = new Map<string, string>();

function camelCase(name: string): string {
  let camel = camelNames.get(name);
  if (camel === undefined) {
    camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    camelNames.set(name, camel);
  }
  return camel;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'a number' : `${value}`;
}
