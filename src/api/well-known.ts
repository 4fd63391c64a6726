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

/** A Struct in a field is held as it is, in plain JSON. */
const struct: Leaf = {
  read: (value) => (isObject(value) ? value : BAD),
  why: (value) => expected('an object', value),
};

const structMessage: Leaf = {
  read: (value) => (isObject(value) ? fromJson(StructSchema, value as never) : BAD),
  why: struct.why,
};

const freeValue: Leaf = {
  read: (value) => fromJson(ValueSchema, value as never),
  why: (value) => expected('a value', value),
};

const listValue: Leaf = {
  read: (value) => (Array.isArray(value) ? fromJson(ListValueSchema, value) : BAD),
  why: (value) => expected('a list', value),
};

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
