/**
 * The header fields of the explained request: a plain list, read by selection as the proxy's own are.
 */
import type { ExplainedHeader } from '#explain/explanation.ts';
import type { HeaderView } from '#selection/request-view.ts';
import { decodeUtf8 } from '#selection/utf8-text.ts';

export class ExplainedHeaders implements HeaderView {
  #fields: [name: string, value: string][];

  /** @param fields names in lower case, values with one character a byte. */
  constructor(fields: Iterable<readonly [name: string, value: string]> = []) {
    this.#fields = Array.from(fields, ([name, value]) => [name, value]);
  }

  get(name: string): string | undefined {
    return this.#fields.find(([other]) => other === name)?.[1];
  }

  joined(name: string): string | undefined {
    const values = this.#fields.filter(([other]) => other === name).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(',');
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  some(name: string, test: (value: string) => boolean): boolean {
    return this.#fields.some(([other, value]) => other === name && test(value));
  }

  add(name: string, value: string): void {
    this.#fields.push([name, value]);
  }

  /** Replaces every field of that name by one, in the place of the first. */
  set(name: string, value: string): void {
    const index = this.#fields.findIndex(([other]) => other === name);
    if (index < 0) return this.add(name, value);
    this.#fields[index] = [name, value];
    this.#fields = this.#fields.filter(([other], i) => i === index || other !== name);
  }

  remove(name: string): void {
    this.#fields = this.#fields.filter(([other]) => other !== name);
  }

  /** @returns the first value, and takes every field of that name out. */
  take(name: string): string | undefined {
    const value = this.get(name);
    this.remove(name);
    return value;
  }

  names(): string[] {
    return this.#fields.map(([name]) => name);
  }

  copy(): ExplainedHeaders {
    return new ExplainedHeaders(this.#fields);
  }

  /** The fields as people read them. */
  list(): ExplainedHeader[] {
    return this.#fields.map(([name, value]) => ({ name, value: decodeUtf8(value) }));
  }
}
