/**
 * JSON of a message without some of its fields.
 */
import type { JsonObject } from '#dump/dump-reader.ts';

/** @param names as the proto file spells them; the JSON may have them in camel case. */
export function withoutFields(json: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !names.includes(snakeCase(key))));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
