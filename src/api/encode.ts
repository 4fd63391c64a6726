/**
 * Messages as plain values, spelt as Envoy's admin API prints them: snake case names in order of their numbers, 64-bit integers and
 * durations as text, enums by name, what is unset left out, Any with its message inside.
 * Follows https://protobuf.dev/programming-guides/json
 */
import type { DescEnum, DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import type { Any, Duration, FieldMask, Timestamp, Value } from '@bufbuild/protobuf/wkt';
import { contentOf } from '#api/any.ts';
import type { FieldAccess } from '#api/field-access.ts';
import { fieldAccess } from '#api/field-access.ts';
import { fieldMaskText, hasOwnJson, isWrapper } from '#api/well-known.ts';

export interface TreeOptions {
  /** Names as the proto files spell them; camel case otherwise. */
  protoNames: boolean;
  /** Print fields that are not set and have no presence: zeroes, empty lists and maps. */
  alwaysEmitImplicit?: boolean;
}

type Tree = Record<string, unknown>;
type Write = (value: unknown, options: TreeOptions) => unknown;

interface FieldWriter extends FieldAccess {
  readonly name: string;
  readonly jsonName: string;
  /** Printed when unset, if all implicit fields are wanted. */
  readonly implicit: boolean;
  readonly write: Write;
}

/** An object for most messages; text and such for some types of google.protobuf. */
export function toTree(type: DescMessage, message: Message, options: TreeOptions = { protoNames: true }): object {
  return messageWriter(type)(message, options) as object;
}

const writers = new WeakMap<DescMessage, Write>();

function messageWriter(type: DescMessage): Write {
  let writer = writers.get(type);
  if (writer === undefined) {
    writer = wellKnown(type) ?? fieldsWriter(type);
    writers.set(type, writer);
  }
  return writer;
}

function fieldsWriter(type: DescMessage): Write {
  let fields: FieldWriter[] | undefined;
  return (message, options) => {
    // Compiled on first use: a type may hold itself.
    fields ??= [...type.fields].sort((a, b) => a.number - b.number).map(fieldWriter);
    const tree: Tree = {};
    for (const field of fields) {
      const value = field.get(message as Message);
      if (value === undefined) continue;
      if (!field.isSet(message as Message) && !(options.alwaysEmitImplicit && field.implicit)) continue;
      tree[options.protoNames ? field.name : field.jsonName] = field.write(value, options);
    }
    return tree;
  };
}

function fieldWriter(field: DescField): FieldWriter {
  const value = valueWriter(field);
  const write = field.fieldKind === 'list' ? listWriter(value) : field.fieldKind === 'map' ? mapWriter(value) : value;
  const implicit = field.fieldKind !== 'message' && field.oneof === undefined;
  return { ...fieldAccess(field), name: field.name, jsonName: field.jsonName, implicit, write };
}

function listWriter(item: Write): Write {
  return (list, options) => (list as unknown[]).map((value) => item(value, options));
}

function mapWriter(item: Write): Write {
  return (map, options) => {
    const tree: Tree = {};
    for (const [key, value] of Object.entries(map as Tree)) setOwn(tree, key, item(value, options));
    return tree;
  };
}

function setOwn(tree: Tree, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(tree, key, { value, enumerable: true, writable: true, configurable: true });
  else tree[key] = value;
}

function valueWriter(field: DescField): Write {
  if (field.enum !== undefined) return enumWriter(field.enum);
  if (field.message === undefined) return scalarWriter(field.scalar as ScalarType);
  const { message: type } = field;
  if (type.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value')
    return (struct) => struct;
  if (isWrapper(type) && field.fieldKind === 'message' && field.oneof === undefined) {
    return scalarWriter(type.fields[0].scalar as ScalarType);
  }
  return (value, options) => messageWriter(type)(value, options);
}

function enumWriter(type: DescEnum): Write {
  if (type.typeName === 'google.protobuf.NullValue') return () => null;
  return (number) => type.value[number as number]?.name ?? number;
}

function scalarWriter(scalar: ScalarType): Write {
  switch (scalar) {
    case ScalarType.BYTES:
      return (bytes) => base64Encode(bytes as Uint8Array);
    case ScalarType.FLOAT:
      return (value) => finite(value as number, shortestFloat);
    case ScalarType.DOUBLE:
      return (value) => finite(value as number, (number) => number);
    default:
      return (value) => (typeof value === 'bigint' ? value.toString() : value);
  }
}

function finite(value: number, text: (value: number) => number): number | string {
  return Number.isFinite(value) ? text(value) : String(value);
}

/** The number with the fewest digits that is the same 32-bit float. */
function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return Number(value.toPrecision(9));
}

function wellKnown(type: DescMessage): Write | undefined {
  switch (type.typeName) {
    case 'google.protobuf.Any':
      return (any, options) => anyTree(any as Any, options);
    case 'google.protobuf.Duration':
      return (span) => durationText(span as Duration);
    case 'google.protobuf.Timestamp':
      return (time) => timestampText(time as Timestamp);
    case 'google.protobuf.FieldMask':
      return (mask) => fieldMaskText((mask as FieldMask).paths);
    case 'google.protobuf.Struct':
      return (struct) => structTree(struct as { fields: Record<string, Value> });
    case 'google.protobuf.Value':
      return (value) => valueTree(value as Value);
    case 'google.protobuf.ListValue':
      return (list) => (list as { values: Value[] }).values.map(valueTree);
  }
  if (!isWrapper(type)) return undefined;
  const scalar = scalarWriter(type.fields[0].scalar as ScalarType);
  return (wrapper, options) => scalar((wrapper as { value: unknown }).value, options);
}

/** A message that we cannot read keeps its bytes. */
function anyTree(any: Any, options: TreeOptions): Tree {
  if (any.typeUrl === '') return {};
  const content = contentOf(any);
  if (content === undefined) return { '@type': any.typeUrl, value: base64Encode(any.value) };
  const tree = messageWriter(content.type)(content.message, options);
  return hasOwnJson(content.type) ? { '@type': any.typeUrl, value: tree } : { '@type': any.typeUrl, ...(tree as Tree) };
}

/** `15s`, `0.250s`, `0.000001s`: the fraction has 3, 6 or 9 digits. */
function durationText({ seconds, nanos }: Duration): string {
  const sign = seconds < 0n || nanos < 0 ? '-' : '';
  const whole = seconds < 0n ? -seconds : seconds;
  return `${sign}${whole}${fraction(Math.abs(nanos))}s`;
}

function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.replace(/(?:000){1,2}$/, '')}`;
}

function timestampText({ seconds, nanos }: Timestamp): string {
  const whole = new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, '');
  return `${whole}${fraction(nanos)}Z`;
}

function structTree(struct: { fields: Record<string, Value> }): Tree {
  const tree: Tree = {};
  for (const [key, value] of Object.entries(struct.fields)) setOwn(tree, key, valueTree(value));
  return tree;
}

function valueTree({ kind }: Value): unknown {
  switch (kind.case) {
    case 'structValue':
      return structTree(kind.value);
    case 'listValue':
      return kind.value.values.map(valueTree);
    case 'numberValue':
      return finite(kind.value, (number) => number);
    case 'stringValue':
    case 'boolValue':
      return kind.value;
    default:
      return null;
  }
}
