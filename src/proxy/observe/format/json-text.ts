/**
 * JSON written from byte texts (RFC 8259), escaped as Envoy's JSON formatter escapes.
 */
import type { Json } from '#config/model/route.ts';
import { fromByteText, toByteText } from '#proxy/observe/format/byte-text.ts';

/** Characters that cannot stand in a JSON string as they are, or that need a look because they are not ASCII. */
const SPECIAL = /["\\]|[^ -~]/;
const NOT_PLAIN = /["\\]|[^ -~]/g;
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

/** @returns a byte text as a JSON string, in bytes. Where it is not UTF-8, all that is not plain ASCII is escaped byte by byte. */
export function quoted(bytes: string): string {
  if (!SPECIAL.test(bytes)) return `"${bytes}"`;
  if (fromByteText(bytes) === undefined) return `"${bytes.replace(NOT_PLAIN, unicodeEscape)}"`;
  return `"${bytes.replace(ESCAPED, (character) => SHORT[character] ?? unicodeEscape(character))}"`;
}

/** @returns a value as compact JSON, in bytes: keys sorted, numbers as Envoy writes them. */
export function jsonText(value: Json): string {
  if (typeof value === 'string') return quoted(toByteText(value));
  if (typeof value === 'number') return numberText(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  const fields = sortedKeys(value).map((key) => `${quoted(toByteText(key))}:${jsonText(value[key])}`);
  return `{${fields.join(',')}}`;
}

/** @returns the keys in the order of their bytes. */
export function sortedKeys(fields: { readonly [key: string]: unknown }): string[] {
  return Object.keys(fields).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

const INT64_END = 2 ** 63;
const SMALLEST_WITHOUT_EXPONENT = 1e-4;

/** Whole numbers of 64 bits have no exponent; others get one of two digits where they are very large or very small. */
function numberText(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < INT64_END) return BigInt(value).toString();
  if (!Number.isFinite(value)) return 'null';
  if (size >= SMALLEST_WITHOUT_EXPONENT && size < INT64_END) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
