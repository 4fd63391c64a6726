/**
 * The rules of `validate.rules` about one value, each a function that says what is wrong in the words of Envoy's check.
 * Follows https://github.com/bufbuild/protoc-gen-validate/blob/main/README.md#constraint-rules
 */
import type { DescEnum, ScalarType } from '@bufbuild/protobuf';
import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import type { FieldRules as Rules } from '#api/generated/validate/validate_pb.js';
import { stringRules } from '#api/string-rules.ts';

export type FieldRules = Rules;

/** What is wrong with a value; undefined if nothing is. */
export type ValueRule = (value: unknown) => string | undefined;

/** What the rules are about: a field, or the key of a map. */
interface Ruled {
  readonly scalar?: ScalarType | undefined;
  readonly enum?: DescEnum | undefined;
}

/** All rules of `rules` about one value of the field; undefined if there is none. */
export function valueRule(field: Ruled, rules: FieldRules): ValueRule | undefined {
  const { type } = rules;
  switch (type.case) {
    case undefined:
    case 'repeated':
    case 'map':
      return undefined;
    case 'string':
    case 'bytes':
      return all(stringRules(type.value), ignoresEmpty(type.value));
    case 'bool':
      return all([constant(type.value.const)], false);
    case 'enum':
      return all(enumRules(type.value, field.enum as DescEnum), false);
    case 'duration':
    case 'timestamp':
      return all(timeRules(type.value as TimeRules), false);
    case 'any':
      return all([typeUrlIn(type.value.in, 'in'), typeUrlIn(type.value.notIn, 'not in')], false);
    default:
      return all(numberRules(type.value as NumberRules), ignoresEmpty(type.value as { ignoreEmpty?: boolean }));
  }
}

function ignoresEmpty(rules: { ignoreEmpty?: boolean }): boolean {
  return rules.ignoreEmpty === true;
}

function all(rules: (ValueRule | undefined)[], ignoreEmpty: boolean): ValueRule | undefined {
  const list = rules.filter((rule) => rule !== undefined);
  if (list.length === 0) return undefined;
  const first = list.length === 1 ? list[0] : (value: unknown) => firstWrong(list, value);
  return ignoreEmpty ? (value) => (isEmpty(value) ? undefined : first(value)) : first;
}

function firstWrong(rules: ValueRule[], value: unknown): string | undefined {
  for (const rule of rules) {
    const wrong = rule(value);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === 0 || value === 0n || (value instanceof Uint8Array && value.length === 0);
}

type Numeric = number | bigint;

/** Bounds and lists; all number rules of PGV share these names. Proto2's defaults lie on the prototype, so only own properties count. */
interface NumberRules {
  const?: Numeric;
  lt?: Numeric;
  lte?: Numeric;
  gt?: Numeric;
  gte?: Numeric;
  in: Numeric[];
  notIn: Numeric[];
}

function numberRules(rules: NumberRules): (ValueRule | undefined)[] {
  const identity = (value: unknown) => value as Numeric;
  return [
    Object.hasOwn(rules, 'const') ? constant(rules.const) : undefined,
    range(
      bounds(rules, (value) => value),
      identity,
      String,
    ),
    listRule(rules.in, 'in', identity),
    listRule(rules.notIn, 'not in', identity),
  ];
}

function constant(wanted: unknown): ValueRule | undefined {
  if (wanted === undefined) return undefined;
  return (value) => (value === wanted ? undefined : `value must equal ${wanted}`);
}

interface Bounds {
  lower: Numeric | undefined;
  lowerIn: boolean;
  upper: Numeric | undefined;
  upperIn: boolean;
}

function bounds<T>(rules: { lt?: T; lte?: T; gt?: T; gte?: T }, number: (bound: T) => Numeric): Bounds {
  const own = (name: 'lt' | 'lte' | 'gt' | 'gte') =>
    Object.hasOwn(rules, name) ? (rules[name] as T | undefined) : undefined;
  const lower = own('gte') ?? own('gt');
  const upper = own('lte') ?? own('lt');
  return {
    lower: lower === undefined ? undefined : number(lower),
    lowerIn: own('gte') !== undefined,
    upper: upper === undefined ? undefined : number(upper),
    upperIn: own('lte') !== undefined,
  };
}

/** A lower bound above the upper one means everything but what lies between. */
function range(
  of: Bounds,
  number: (value: unknown) => Numeric,
  text: (bound: Numeric) => string,
): ValueRule | undefined {
  const { lower, upper, lowerIn, upperIn } = of;
  if (lower === undefined && upper === undefined) return undefined;
  const above = (n: Numeric) => lower === undefined || n > lower || (lowerIn && n === lower);
  const below = (n: Numeric) => upper === undefined || n < upper || (upperIn && n === upper);
  const outside = lower !== undefined && upper !== undefined && lower > upper;
  const words = rangeWords(of, outside, text);
  return (value) => {
    const n = number(value);
    return (outside ? above(n) || below(n) : above(n) && below(n)) ? undefined : words;
  };
}

function rangeWords(
  { lower, upper, lowerIn, upperIn }: Bounds,
  outside: boolean,
  text: (bound: Numeric) => string,
): string {
  const orEqual = ' or equal to';
  if (lower === undefined) return `value must be less than${upperIn ? orEqual : ''} ${text(upper as Numeric)}`;
  if (upper === undefined) return `value must be greater than${lowerIn ? orEqual : ''} ${text(lower)}`;
  if (outside)
    return `value must be outside range ${upperIn ? '(' : '['}${text(upper)}, ${text(lower)}${lowerIn ? ')' : ']'}`;
  return `value must be inside range ${lowerIn ? '[' : '('}${text(lower)}, ${text(upper)}${upperIn ? ']' : ')'}`;
}

function listRule(list: Numeric[], kind: 'in' | 'not in', number: (value: unknown) => Numeric): ValueRule | undefined {
  if (list.length === 0) return undefined;
  const set = new Set(list);
  const words = `value must ${kind === 'in' ? 'be' : 'not be'} in list [${list.join(' ')}]`;
  return (value) => (set.has(number(value)) === (kind === 'in') ? undefined : words);
}

interface EnumRuleSet {
  const?: number;
  definedOnly?: boolean;
  in: number[];
  notIn: number[];
}

function enumRules(rules: EnumRuleSet, type: DescEnum): (ValueRule | undefined)[] {
  const defined: ValueRule = (value) =>
    (value as number) in type.value ? undefined : 'value must be one of the defined enum values';
  const names = (numbers: number[]) => numbers.map((number) => type.value[number]?.name ?? number).join(' ');
  const listed = (numbers: number[], wanted: boolean): ValueRule | undefined => {
    if (numbers.length === 0) return undefined;
    const words = `value must ${wanted ? 'be' : 'not be'} in list [${names(numbers)}]`;
    return (value) => (numbers.includes(value as number) === wanted ? undefined : words);
  };
  return [
    Object.hasOwn(rules, 'const') ? constant(rules.const) : undefined,
    rules.definedOnly ? defined : undefined,
    listed(rules.in, true),
    listed(rules.notIn, false),
  ];
}

type Time = Duration | Timestamp;

interface TimeRules {
  lt?: Time;
  lte?: Time;
  gt?: Time;
  gte?: Time;
}

function timeRules(rules: TimeRules): (ValueRule | undefined)[] {
  return [range(bounds(rules, nanoseconds), (value) => nanoseconds(value as Time), spanText)];
}

function nanoseconds(time: Time): bigint {
  return time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

/** A span as Envoy's check prints it: `1ms`, `0s`, `1.5s`, `5m0s`, `1h0m0s`. */
function spanText(nanos: Numeric): string {
  const total = Number(nanos) / 1e9;
  const size = Math.abs(total);
  if (size === 0) return '0s';
  if (size < 1e-6) return `${nanos}ns`;
  if (size < 1e-3) return `${Number(nanos) / 1e3}µs`;
  if (size < 1) return `${Number(nanos) / 1e6}ms`;
  const hours = Math.floor(size / 3600);
  const minutes = Math.floor((size % 3600) / 60);
  const seconds = `${Number((size % 60).toFixed(9))}s`;
  const sign = total < 0 ? '-' : '';
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function typeUrlIn(list: string[], kind: 'in' | 'not in'): ValueRule | undefined {
  if (list.length === 0) return undefined;
  const words = `value must ${kind === 'in' ? 'be' : 'not be'} in list [${list.join(' ')}]`;
  return (value) => (list.includes((value as { typeUrl: string }).typeUrl) === (kind === 'in') ? undefined : words);
}

/** How many items or pairs there may be. */
export function countRules(
  min: bigint | undefined,
  max: bigint | undefined,
  unit: string,
  units: string,
): ((count: number) => string | undefined) | undefined {
  const least = Number(min ?? 0n);
  const most = Number(max ?? 0n);
  if (least === 0 && most === 0) return undefined;
  let words = `value must contain at least ${least} ${unit}`;
  if (least === most) words = `value must contain exactly ${least} ${unit}`;
  else if (least === 0) words = `value must contain no more than ${most} ${unit}`;
  else if (most !== 0) words = `value must contain between ${least} and ${most} ${units}, inclusive`;
  return (count) => (count < least || (most !== 0 && count > most) ? words : undefined);
}
