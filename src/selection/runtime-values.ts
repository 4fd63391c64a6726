/**
 * Runtime values: what the text of a file or of an override means, and the JSON of static layers with its nested maps.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */
import { parseYaml } from '#api/yaml-source.ts';
import type { Json } from '#config/model/route.ts';
import { doubleText } from '#config/syntax/double-text.ts';
import type { RuntimeValue } from '#selection/runtime-view.ts';

export type RuntimeValues = { [key: string]: RuntimeValue };

const DENOMINATORS: { [name: string]: number } = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]+)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i;
/** A whole number below it is true or false as well. */
const LARGEST_INT = 2 ** 31 - 1;
/** How many digits of a number that is configured as one are told. */
const SHOWN_DIGITS = 6;

/** Nested maps become keys joined by dots, except one that is empty or a fraction. */
export function valuesOfJson(json: { [key: string]: Json }, prefix = '', values: RuntimeValues = {}): RuntimeValues {
  for (const [name, value] of Object.entries(json)) {
    const key = `${prefix}${name}`;
    if (isMap(value) && !isFraction(value)) valuesOfJson(value, `${key}.`, values);
    else values[key] = typeof value === 'string' ? meaning(value, value) : meaning(value, shown(value));
  }
  return values;
}

/** What a text means as YAML; what is none may still be a number. */
export function valueOfText(raw: string): RuntimeValue {
  return meaning(treeOf(raw), raw);
}

function treeOf(text: string): unknown {
  try {
    return parseYaml(text, '').tree;
  } catch {
    return text;
  }
}

function meaning(value: unknown, raw: string): RuntimeValue {
  if (typeof value === 'boolean') return { raw, boolean: value };
  if (typeof value === 'number') return ofNumber(value, raw);
  if (isMap(value)) return ofMap(value, raw);
  const number = typeof value === 'string' ? numberOf(raw.trim()) : undefined;
  return number === undefined ? { raw } : ofNumber(number, raw);
}

function ofNumber(number: number, raw: string): RuntimeValue {
  const switches = number < LARGEST_INT && number === Math.trunc(number);
  return switches ? { raw, number, boolean: number !== 0 } : { raw, number };
}

/** A map with any other field is no fraction; a numerator that is no number counts as 0. */
function ofMap(map: { [key: string]: unknown }, raw: string): RuntimeValue {
  let [numerator, denominator] = [0, 100];
  for (const [name, value] of Object.entries(map)) {
    if (name === 'numerator') numerator = typeof value === 'number' ? value >>> 0 : 0;
    else if (name === 'denominator' && Object.hasOwn(DENOMINATORS, String(value))) {
      denominator = DENOMINATORS[String(value)];
    } else return { raw };
  }
  return { raw, fraction: { numerator, denominator } };
}

/** Decimal, or hexadecimal as C writes it. */
function numberOf(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  const parts = HEXADECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole, fraction = '', exponent = '0'] = parts;
  const size = Number.parseInt(`${whole}${fraction}`, 16) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === '-' ? -size : size;
}

/** As the admin API tells what is configured as something else than text. */
function shown(value: Exclude<Json, string>): string {
  return typeof value === 'number' ? doubleText(value, SHOWN_DIGITS) : JSON.stringify(value);
}

function isMap(value: unknown): value is { [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isFraction(map: object): boolean {
  return 'numerator' in map || 'denominator' in map || Object.keys(map).length === 0;
}
