/**
 * Values without fields of their own: scalars, enums, and the well-known types whose JSON is a scalar.
 * Takes what Envoy takes (protobuf's JSON mapping with its older spellings): numbers and booleans may be text, enum names may be in any
 * case, base64 may be of either alphabet.
 * Follows https://protobuf.dev/programming-guides/json and what Envoy 1.40 does.
 */
import type { DescEnum } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { nearest } from '#api/field-names.ts';

/** What {@link Leaf.read} returns for a value that it does not take. */
export const BAD: unique symbol = Symbol('bad');

export interface Leaf {
  /** The value as the message holds it, or BAD. */
  read(value: unknown): unknown;
  /** Why read said BAD, for people. */
  why(value: unknown): Complaint;
}

export interface Complaint {
  message: string;
  hint?: string;
  /** The value is of the right kind and we do not know it, as with a name that a newer Envoy added; `allowUnknown` lets it pass. */
  unknown?: boolean;
}

/** `the text "x"`, `the number 5`, `a list`: what a value is, for an error. */
export function described(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string')
    return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return `the boolean ${value}`;
  return Array.isArray(value) ? 'a list' : 'an object';
}

export function expected(what: string, value: unknown): Complaint {
  return { message: `expected ${what}, got ${described(value)}` };
}

export function scalarLeaf(scalar: ScalarType): Leaf {
  return SCALARS[scalar];
}

const text: Leaf = {
  read: (value) => (typeof value === 'string' && value.isWellFormed() ? value : BAD),
  why(value) {
    if (typeof value === 'string') return { message: 'this text has half a surrogate pair, which is no character' };
    const complaint = expected('a string', value);
    if (typeof value === 'number' || typeof value === 'boolean') complaint.hint = `put it in quotes: "${value}"`;
    return complaint;
  },
};

const TRUE = /^(?:true|t|yes|y|1)$/i;
const FALSE = /^(?:false|f|no|n|0)$/i;

const bool: Leaf = {
  read(value) {
    if (typeof value === 'boolean') return value;
    if (typeof value !== 'string') return BAD;
    return TRUE.test(value) ? true : FALSE.test(value) ? false : BAD;
  },
  why: (value) => expected('true or false', value),
};

const bytes: Leaf = {
  read(value) {
    if (typeof value !== 'string') return BAD;
    try {
      return base64Decode(value);
    } catch {
      return BAD;
    }
  },
  why: (value) => expected('bytes in base64', value),
};

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;
const NOT_FINITE: Record<string, number> = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity };

function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && NUMBER.test(value) ? Number(value) : undefined;
}

function integer(min: number, max: number): Leaf {
  return {
    read(value) {
      const number = typeof value === 'number' ? value : numberIn(value);
      // -0 is told from 0 by messages that are compared; protobuf has no such integer.
      return number !== undefined && number >= min && number <= max && Number.isInteger(number) ? number + 0 : BAD;
    },
    why(value) {
      const number = numberIn(value);
      if (number === undefined) return expected('a number', value);
      if (!Number.isInteger(number)) return expected('an integer', value);
      return { message: `${number} is out of range, it must be from ${min} to ${max}` };
    },
  };
}

function long(min: bigint, max: bigint): Leaf {
  const exact = (value: unknown): bigint | undefined => {
    if (typeof value === 'string' && /^[-+]?\d{1,20}$/.test(value)) return BigInt(value);
    const number = numberIn(value);
    return number !== undefined && Number.isInteger(number) ? BigInt(number) : undefined;
  };
  return {
    read(value) {
      const number = exact(value);
      return number !== undefined && number >= min && number <= max ? number : BAD;
    },
    why(value) {
      if (numberIn(value) === undefined) return expected('a number', value);
      const number = exact(value);
      if (number === undefined) return expected('an integer', value);
      return { message: `${number} is out of range, it must be from ${min} to ${max}` };
    },
  };
}

const double: Leaf = {
  read(value) {
    if (typeof value === 'number') return value;
    if (typeof value !== 'string') return BAD;
    return NUMBER.test(value) ? Number(value) : (NOT_FINITE[value] ?? BAD);
  },
  why: (value) => expected('a number', value),
};

const float: Leaf = {
  read(value) {
    const number = double.read(value);
    if (typeof number !== 'number' || !Number.isFinite(number)) return number;
    const rounded = Math.fround(number);
    return Number.isFinite(rounded) ? rounded : BAD;
  },
  why(value) {
    const number = double.read(value);
    return number === BAD ? expected('a number', value) : { message: `${value} is out of range for a 32-bit float` };
  },
};

const int32 = integer(-(2 ** 31), 2 ** 31 - 1);
const uint32 = integer(0, 2 ** 32 - 1);
const int64 = long(-(2n ** 63n), 2n ** 63n - 1n);
const uint64 = long(0n, 2n ** 64n - 1n);

const SCALARS: Record<ScalarType, Leaf> = {
  [ScalarType.DOUBLE]: double,
  [ScalarType.FLOAT]: float,
  [ScalarType.INT64]: int64,
  [ScalarType.UINT64]: uint64,
  [ScalarType.INT32]: int32,
  [ScalarType.FIXED64]: uint64,
  [ScalarType.FIXED32]: uint32,
  [ScalarType.BOOL]: bool,
  [ScalarType.STRING]: text,
  [ScalarType.BYTES]: bytes,
  [ScalarType.UINT32]: uint32,
  [ScalarType.SFIXED32]: int32,
  [ScalarType.SFIXED64]: int64,
  [ScalarType.SINT32]: int32,
  [ScalarType.SINT64]: int64,
};

export function enumLeaf(type: DescEnum): Leaf {
  const byName = new Map<string, number>();
  for (const value of type.values) byName.set(value.name, value.number);
  for (const value of type.values) {
    const upper = value.name.toUpperCase();
    if (!byName.has(upper)) byName.set(upper, value.number);
  }
  const name = type.parent === undefined ? type.name : `${type.parent.name}.${type.name}`;
  return {
    read(value) {
      if (typeof value !== 'string') return int32.read(value);
      return byName.get(value) ?? byName.get(value.toUpperCase()) ?? (/^-?\d+$/.test(value) ? int32.read(value) : BAD);
    },
    why(value) {
      if (typeof value !== 'string') return int32.why(value);
      const names = type.values.map((known) => known.name);
      const near = nearest(value, names);
      const hint = near === undefined ? `it can be ${names.slice(0, 12).join(', ')}` : `did you mean '${near}'?`;
      return { message: `no value '${value}' in ${name}`, hint, unknown: true };
    },
  };
}
