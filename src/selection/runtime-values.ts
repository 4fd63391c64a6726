/**
 * Runtime values out of the nested JSON of static layers.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */
import type { Json } from '#config/model/route.ts';
import type { RuntimeValue } from '#selection/runtime-view.ts';

export type RuntimeValues = { [key: string]: RuntimeValue };

const DENOMINATORS: { [name: string]: number } = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

/** Nested maps become keys joined by dots, except a map that is a fraction. */
export function valuesOfJson(json: { [key: string]: Json }, prefix = '', values: RuntimeValues = {}): RuntimeValues {
  for (const [name, value] of Object.entries(json)) {
    const key = `${prefix}${name}`;
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && !isFraction(value)) {
      valuesOfJson(value, `${key}.`, values);
    } else {
      values[key] = typeof value === 'string' ? valueOfText(value) : valueOfText(JSON.stringify(value));
    }
  }
  return values;
}

/** What a text can be read as: true or false, a number, a fraction. */
export function valueOfText(raw: string): RuntimeValue {
  const text = raw.trim();
  if (/^(true|false)$/i.test(text)) return { raw, boolean: text.toLowerCase() === 'true' };
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return { raw, number: Number(text) };
  const numerator = /["']?numerator["']?\s*:\s*(\d+)/.exec(text);
  const denominator = /["']?denominator["']?\s*:\s*["']?(\w+)/.exec(text);
  if (numerator === null && denominator === null) return { raw };
  const share = DENOMINATORS[denominator?.[1] ?? 'HUNDRED'];
  return share === undefined
    ? { raw }
    : { raw, fraction: { numerator: Number(numerator?.[1] ?? 0), denominator: share } };
}

function isFraction(value: object): boolean {
  return 'numerator' in value || 'denominator' in value;
}
