/**
 * The rules of `validate.rules` about text and bytes.
 * Follows https://github.com/bufbuild/protoc-gen-validate/blob/main/README.md#strings
 */
import type { BytesRules, StringRules } from '#api/generated/validate/validate_pb.js';
import type { ValueRule } from '#api/value-rules.ts';

/** Names and values of headers: strictly those of RFC 9110, else anything that cannot break a message apart. As printed, and as matched. */
const HEADER_NAME = 1;
const HEADER_VALUE = 2;
const STRICT_NAME = { text: "^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$", pattern: /^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$/u };
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about.
const STRICT_VALUE = { text: '^[^\\x00-\\b\\n-\\x1f\\x7f]*$', pattern: /^[^\x00-\x08\x0a-\x1f\x7f]*$/u };
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about.
const LOOSE = { text: '^[^\\x00\\n\\r]*$', pattern: /^[^\x00\n\r]*$/u };

type TextRules = StringRules | BytesRules;

export function stringRules(rules: TextRules): (ValueRule | undefined)[] {
  const isText = rules.$typeName === 'validate.StringRules';
  return [
    own(rules, 'const', (wanted) => (value) => (same(value, wanted) ? undefined : `value must equal ${wanted}`)),
    lengthRule(rules, isText ? 'characters' : 'bytes', isText ? characters : bytes),
    isText ? bytesRule(rules as StringRules) : undefined,
    own(rules, 'prefix', (prefix: string) =>
      wants((text) => text.startsWith(prefix), `value does not have prefix "${prefix}"`),
    ),
    own(rules, 'suffix', (suffix: string) =>
      wants((text) => text.endsWith(suffix), `value does not have suffix "${suffix}"`),
    ),
    own(rules, 'contains', (part: string) =>
      wants((text) => text.includes(part), `value does not contain substring "${part}"`),
    ),
    own(rules, 'notContains', (part: string) =>
      wants((text) => !text.includes(part), `value contains substring "${part}"`),
    ),
    listRule(rules.in as string[], true),
    listRule(rules.notIn as string[], false),
    own(rules, 'pattern', (source: string) => patternRule(source, new RegExp(source, 'u'))),
    isText ? wellKnown(rules as StringRules) : undefined,
  ];
}

/** The rule that a property leads to, if the property is set; proto2's defaults lie on the prototype. */
function own(rules: TextRules, name: string, rule: (value: never) => ValueRule): ValueRule | undefined {
  return Object.hasOwn(rules, name) ? rule((rules as unknown as Record<string, never>)[name]) : undefined;
}

function wants(holds: (text: string) => boolean, words: string): ValueRule {
  return (value) => (holds(String(value)) ? undefined : words);
}

function same(value: unknown, wanted: unknown): boolean {
  return String(value) === String(wanted);
}

/** Code points, as Envoy counts. */
function characters(value: unknown): number {
  const text = value as string;
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

function bytes(value: unknown): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : (value as Uint8Array).length;
}

function lengthRule(rules: TextRules, unit: string, measure: (value: unknown) => number): ValueRule | undefined {
  const exact = Object.hasOwn(rules, 'len') ? Number(rules.len) : undefined;
  const least = exact ?? (Object.hasOwn(rules, 'minLen') ? Number(rules.minLen) : undefined);
  const most = exact ?? (Object.hasOwn(rules, 'maxLen') ? Number(rules.maxLen) : undefined);
  return between(least, most, unit, measure);
}

function bytesRule(rules: StringRules): ValueRule | undefined {
  const exact = Object.hasOwn(rules, 'lenBytes') ? Number(rules.lenBytes) : undefined;
  const least = exact ?? (Object.hasOwn(rules, 'minBytes') ? Number(rules.minBytes) : undefined);
  const most = exact ?? (Object.hasOwn(rules, 'maxBytes') ? Number(rules.maxBytes) : undefined);
  return between(least, most, 'bytes', bytes);
}

function between(
  least: number | undefined,
  most: number | undefined,
  unit: string,
  measure: (value: unknown) => number,
): ValueRule | undefined {
  if (least === undefined && most === undefined) return undefined;
  const low = least ?? 0;
  const high = most ?? Infinity;
  let words = `value length must be between ${low} and ${high} ${unit}, inclusive`;
  if (low === high) words = `value length must be ${low} ${unit}`;
  else if (most === undefined) words = `value length must be at least ${low} ${unit}`;
  else if (least === undefined) words = `value length must be at most ${high} ${unit}`;
  return (value) => {
    const length = measure(value);
    return length >= low && length <= high ? undefined : words;
  };
}

function listRule(list: string[], wanted: boolean): ValueRule | undefined {
  if (list.length === 0) return undefined;
  const words = `value must ${wanted ? 'be' : 'not be'} in list [${list.join(' ')}]`;
  return (value) => (list.includes(String(value)) === wanted ? undefined : words);
}

function patternRule(text: string, pattern: RegExp): ValueRule {
  const words = `value does not match regex pattern "${text}"`;
  return (value) => (pattern.test(value as string) ? undefined : words);
}

function wellKnown(rules: StringRules): ValueRule | undefined {
  const { wellKnown: kind } = rules;
  if (kind.case === 'wellKnownRegex') {
    const strict = rules.strict !== false;
    if (kind.value === HEADER_NAME) return known(strict ? STRICT_NAME : LOOSE);
    return kind.value === HEADER_VALUE ? known(strict ? STRICT_VALUE : LOOSE) : undefined;
  }
  if (kind.case === undefined || !kind.value) return undefined;
  throw new Error(`Envoy's API has a rule that validation does not know: ${kind.case}`);
}

function known({ text, pattern }: { text: string; pattern: RegExp }): ValueRule {
  return patternRule(text, pattern);
}
