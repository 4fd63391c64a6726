/**
 * Header fields as a map of expressions: names in any case, the values of one name joined by commas.
 */
import type { StreamInfo } from '#proxy/observe/stream-info.ts';
import { decodeUtf8 } from '#selection/utf8-text.ts';
import type { Headers } from '#wire/headers.ts';

/** What a map of expressions is made of: the library takes a `Map`, and tells one by its class. */
export class CelHeaders extends Map<string, string> {
  readonly #headers: Headers | undefined;
  readonly #request: StreamInfo | undefined;

  /** @param request whose `:path`, `:method`, `:authority` and `:scheme` are among the fields */
  constructor(headers: Headers | undefined, request?: StreamInfo) {
    super();
    this.#headers = headers;
    this.#request = request;
  }

  override get(name: string): string | undefined {
    if (typeof name !== 'string') return undefined;
    const value = this.#pseudo(name) ?? this.#headers?.joined(name.toLowerCase());
    return value === undefined || value === '' ? value : decodeUtf8(value);
  }

  override has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  override get size(): number {
    return [...this.keys()].length;
  }

  override *keys(): MapIterator<string> {
    for (const name of [':authority', ':method', ':path', ':scheme']) if (this.#pseudo(name)) yield name;
    yield* new Set(this.#headers?.entries().map(([name]) => name));
  }

  override *values(): MapIterator<string> {
    for (const name of this.keys()) yield this.get(name) as string;
  }

  override *entries(): MapIterator<[string, string]> {
    for (const name of this.keys()) yield [name, this.get(name) as string];
  }

  override [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries();
  }

  override forEach(visit: (value: string, name: string, map: Map<string, string>) => void): void {
    for (const [name, value] of this) visit(value, name, this);
  }

  #pseudo(name: string): string | undefined {
    const request = this.#request;
    if (request === undefined) return undefined;
    const value =
      name === ':path'
        ? request.path
        : name === ':method'
          ? request.method
          : name === ':authority' || name === 'host'
            ? request.host
            : name === ':scheme'
              ? request.scheme
              : '';
    return value === '' ? undefined : value;
  }
}
