/**
 * JSON written from byte texts (RFC 8259), escaped as Envoy's JSON formatter escapes.
 */
import type { Json } from '#config/model/route.ts';
import { fromByteText, toByteText } from '#proxy/observe/format/byte-text.ts';

/** Characters that cannot stand in a JSON string as they are, or that need a look because they are not ASCII. */
const SPECIAL = /["\\]|[^ -~]/;
const ESCAPED = /["\\]|[^ -\xff]/g;
const SHORT: { readonly [character: string]: string } = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** @returns a byte text as a JSON string, in bytes. Bytes that are not UTF-8 are escaped one by one. */
export function quoted(bytes: string): string {
  if (!SPECIAL.test(bytes)) return `"${bytes}"`;
  const escaped = bytes.replace(ESCAPED, (character) => SHORT[character] ?? unicodeEscape(character));
  if (fromByteText(escaped) !== undefined) return `"${escaped}"`;
  return `"${escaped.replace(/[\x7f-\xff]/g, unicodeEscape)}"`;
}

/** @returns a value as compact JSON, in bytes. */
export function jsonText(value: Json): string {
  return toByteText(JSON.stringify(value));
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
