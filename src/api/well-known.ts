/**
 * The messages of google.protobuf whose JSON is not an object of their fields: times, wrappers, free-form values, field masks.
 * Follows https://protobuf.dev/programming-guides/json
 */
import type { DescMessage } from '@bufbuild/protobuf';
import { create, fromJson } from '@bufbuild/protobuf';
import {
  DurationSchema,
  FieldMaskSchema,
  ListValueSchema,
  StructSchema,
  TimestampSchema,
  ValueSchema,
} from '@bufbuild/protobuf/wkt';
import { camelCase } from '#api/field-names.ts';
import type { Leaf } from '#api/leaf.ts';
import { BAD, expected, scalarLeaf } from '#api/leaf.ts';

/** Longest span of google.protobuf.Duration: ten thousand years. */
const MAX_SECONDS = 315_576_000_000n;
const DURATION = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/;

const duration: Leaf = {
  read(value) {
    const parts = typeof value === 'string' ? DURATION.exec(value) : null;
    if (parts === null) return BAD;
    const [, sign, whole, fraction] = parts;
    const seconds = BigInt(whole);
    if (seconds > MAX_SECONDS) return BAD;
    const nanos = fraction === undefined ? 0 : Number(fraction.padEnd(9, '0'));
    // The literal is what create() would give, several times as fast.
    const message = { $typeName: DurationSchema.typeName, seconds: sign ? -seconds : seconds, nanos };
    if (sign && nanos !== 0) message.nanos = -nanos;
    return message;
  },
  why(value) {
    if (typeof value === 'string' && DURATION.test(value)) return { message: `duration ${value} is out of range` };
    const complaint = expected('a duration such as "1.5s"', value);
    const number = typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value));
    const ms = typeof value === 'string' ? /^(\d+)ms$/.exec(value)?.[1] : undefined;
    if (number) complaint.hint = `did you mean '${value}s'?`;
    else if (ms !== undefined) complaint.hint = `did you mean '${Number(ms) / 1000}s'?`;
    return complaint;
  },
};

const timestamp: Leaf = {
  read(value) {
    if (typeof value !== 'string') return BAD;
    try {
      return fromJson(TimestampSchema, value);
    } catch {
      return BAD;
    }
  },
  why: (value) => expected('a time such as "2026-01-31T09:00:00Z"', value),
};

const fieldMask: Leaf = {
  read(value) {
    if (typeof value !== 'string') return BAD;
    const paths =
      value === ''
        ? []
        : value.split(',').map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    return create(FieldMaskSchema, { paths });
  },
  why: (value) => expected('field names, separated by commas', value),
};

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As deep as protobuf reads messages. */
const MAX_DEPTH = 100;

function nestsWithin(depth: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  for (const key in value) {
    if (!nestsWithin(depth - 1, (value as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** Values of any shape. */
function freeLeaf(what: string, takes: (value: unknown) => boolean, hold: (value: never) => unknown): Leaf {
  return {
    read: (value) => (takes(value) && nestsWithin(MAX_DEPTH, value) ? hold(value as never) : BAD),
    why: (value) => (takes(value) ? { message: `nested more than ${MAX_DEPTH} deep` } : expected(what, value)),
  };
}

/** A Struct in a field is held as it is, in plain JSON. */
const struct = freeLeaf('an object', isObject, (value) => value);
const structMessage = freeLeaf('an object', isObject, (value) => fromJson(StructSchema, value));
const listValue = freeLeaf('a list', Array.isArray, (value) => fromJson(ListValueSchema, value));
const freeValue = freeLeaf(
  'a value',
  () => true,
  (value) => fromJson(ValueSchema, value),
);

const LEAVES: Record<string, Leaf> = {
  'google.protobuf.Duration': duration,
  'google.protobuf.Timestamp': timestamp,
  'google.protobuf.FieldMask': fieldMask,
  'google.protobuf.Struct': structMessage,
  'google.protobuf.Value': freeValue,
  'google.protobuf.ListValue': listValue,
};

const WRAPPER = /^google\.protobuf\.(?:Double|Float|U?Int(?:32|64)|Bool|String|Bytes)Value$/;

export function isWrapper(type: DescMessage): boolean {
  return WRAPPER.test(type.typeName);
}

/** Must its JSON stand under `value` in an Any? */
export function hasOwnJson(type: DescMessage): boolean {
  return type.typeName in LEAVES || type.typeName === 'google.protobuf.Any' || isWrapper(type);
}

/**
 * @param where a singular field holds wrappers unwrapped, and a Struct as plain JSON (other than google.protobuf.Value does);
 *   elsewhere (in lists, maps, oneofs, Any) they are messages.
 */
export function wellKnownLeaf(type: DescMessage, where: 'field' | 'struct-field' | 'message'): Leaf | undefined {
  if (isWrapper(type)) {
    const scalar = scalarLeaf(type.fields[0].scalar as never);
    return where === 'field' ? scalar : wrapped(type, scalar);
  }
  if (where !== 'message' && type.typeName === 'google.protobuf.Struct') return struct;
  return LEAVES[type.typeName];
}

function wrapped(type: DescMessage, scalar: Leaf): Leaf {
  return {
    read(value) {
      const inner = scalar.read(value);
      return inner === BAD ? BAD : { $typeName: type.typeName, value: inner };
    },
    why: (value) => scalar.why(value),
  };
}

/** The spelling of a field mask's path in JSON. */
export function fieldMaskText(paths: string[]): string {
  return paths.map((path) => camelCase(path)).join(',');
}
