/**
 * JSON of a protobuf message, brought into the order and the spelling of Go's protobuf: fields in the order in which the proto file declares
 * them, in camel case, keys of maps sorted. What the type does not know stays as it is, after the rest, and is noted: nothing is left out.
 * Follows https://protobuf.dev/programming-guides/json
 */
import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { typeOfUrl } from '#api/registry.ts';
import { hasOwnJson, isWrapper } from '#api/well-known.ts';
import { compareText } from '#cli/writers/compare-text.ts';
import { isObject, type JsonObject } from '#dump/dump-reader.ts';

/** Text, numbers and the like are themselves; lists of fields are arrays. */
export type ProtoTree = string | number | boolean | null | readonly ProtoTree[] | ProtoNode;

/**
 * What has parts. The kinds are alike in JSON; they differ in how jsonpb indents them.
 * `value` is a google.protobuf.Value around one item of a Struct or a list.
 */
export interface ProtoNode {
  readonly kind: 'message' | 'map' | 'struct' | 'list' | 'value';
  /** Of a message, map or struct. */
  readonly entries: readonly (readonly [name: string, value: ProtoTree])[];
  /** Of a list or value. */
  readonly items: readonly ProtoTree[];
}

type Note = (what: string) => void;
type Read = (json: unknown, note: Note) => ProtoTree | undefined;

interface FieldPlan {
  readonly order: number;
  readonly name: string;
  readonly read: Read;
}

/** @param note hears of what is not understood. */
export function protoTree(type: DescMessage, json: unknown, note: Note): ProtoTree {
  return readerOf(type)(json, note) ?? null;
}

/** @returns the tree of JSON whose type nobody knows: keys stay in their order. */
export function plainTree(json: unknown): ProtoTree {
  if (Array.isArray(json)) return json.map(plainTree);
  if (isObject(json)) return message(Object.entries(json).map(([key, value]) => [key, plainTree(value)] as const));
  return json as ProtoTree;
}

function message(entries: ProtoNode['entries'], kind: ProtoNode['kind'] = 'message'): ProtoNode {
  return { kind, entries, items: [] };
}

const readers = new WeakMap<DescMessage, Read>();

function readerOf(type: DescMessage): Read {
  let read = readers.get(type);
  if (read === undefined) {
    read = wellKnown(type) ?? fieldsReader(type);
    readers.set(type, read);
  }
  return read;
}

function fieldsReader(type: DescMessage): Read {
  let plans: Map<string, FieldPlan> | undefined;
  return (json, note) => {
    plans ??= plansOf(type);
    if (!isObject(json)) return misfit(json, type.typeName, note);
    return message(readFields(json, plans, type.typeName, note));
  };
}

/** Of each field by both its names. */
function plansOf(type: DescMessage): Map<string, FieldPlan> {
  const plans = new Map<string, FieldPlan>();
  for (const [order, field] of type.fields.entries()) {
    const plan = { order, name: field.jsonName, read: fieldReader(field) };
    plans.set(field.name, plan).set(field.jsonName, plan);
  }
  return plans;
}

function readFields(
  json: JsonObject,
  plans: Map<string, FieldPlan>,
  typeName: string,
  note: Note,
): ProtoNode['entries'] {
  const known: (readonly [order: number, name: string, value: ProtoTree])[] = [];
  const unknown: (readonly [name: string, value: ProtoTree])[] = [];
  for (const key in json) {
    if (key === '@type') continue;
    const plan = plans.get(key);
    if (plan === undefined) {
      note(`no field '${key}' in ${typeName}`);
      unknown.push([key, plainTree(json[key])]);
    } else if (json[key] !== null) {
      const value = plan.read(json[key], note);
      if (value !== undefined) known.push([plan.order, plan.name, value]);
    }
  }
  known.sort((a, b) => a[0] - b[0]);
  return [...known.map(([, name, value]) => [name, value] as const), ...unknown];
}

/** The reader of a field gives undefined for what protobuf does not tell from unset. */
function fieldReader(field: DescField): Read {
  if (field.fieldKind === 'map') return mapReader(itemReader(field));
  if (field.fieldKind === 'list') return listReader(itemReader(field), field.name);
  const read = itemReader(field);
  if (field.fieldKind === 'message' || field.oneof !== undefined || field.presence === 1) return read;
  const zero = field.fieldKind === 'enum' ? (field.enum.value[0]?.name ?? '') : undefined;
  return (json, note) => {
    const value = read(json, note);
    return value === zero || value === '' || value === 0 || value === '0' || value === false ? undefined : value;
  };
}

function listReader(item: Read, name: string): Read {
  return (json, note) => {
    if (!Array.isArray(json)) return misfit(json, `a list ('${name}')`, note);
    return json.length === 0 ? undefined : json.map((each) => item(each, note) ?? null);
  };
}

function mapReader(item: Read): Read {
  return (json, note) => {
    if (!isObject(json)) return misfit(json, 'a map', note);
    const entries = sortedEntries(json).map(([key, value]) => [key, item(value, note) ?? null] as const);
    return entries.length === 0 ? undefined : message(entries, 'map');
  };
}

function itemReader(field: DescField): Read {
  if (field.enum !== undefined) return enumReader(field.enum);
  if (field.message !== undefined) return (json, note) => readerOf(field.message as DescMessage)(json, note);
  return scalarReader(field.scalar as ScalarType);
}

function enumReader(type: DescEnum): Read {
  if (type.typeName === 'google.protobuf.NullValue') return () => null;
  const names = new Set(type.values.map(({ name }) => name));
  return (json, note) => {
    if (typeof json === 'number') return type.value[json]?.name ?? json;
    if (typeof json !== 'string') return misfit(json, type.typeName, note);
    if (!names.has(json)) note(`no value '${json}' in ${type.typeName}`);
    return json;
  };
}

const LONG = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.FIXED64, ScalarType.SFIXED64, ScalarType.SINT64]);

function scalarReader(scalar: ScalarType): Read {
  switch (scalar) {
    case ScalarType.BOOL:
      return (json, note) => (typeof json === 'boolean' ? json : misfit(json, 'true or false', note));
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return (json, note) => (typeof json === 'string' ? json : misfit(json, 'text', note));
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return number(['NaN', 'Infinity', '-Infinity']);
    default: {
      const read = number([]);
      return LONG.has(scalar) ? (json, note) => (typeof json === 'string' ? json : longText(read(json, note))) : read;
    }
  }
}

function number(words: readonly string[]): Read {
  return (json, note) => {
    if (typeof json === 'number') return json;
    if (typeof json !== 'string' || json.trim() === '') return misfit(json, 'a number', note);
    if (words.includes(json)) return json;
    const value = Number(json);
    return Number.isFinite(value) ? value : misfit(json, 'a number', note);
  };
}

function longText(value: ProtoTree | undefined): ProtoTree | undefined {
  return typeof value === 'number' ? BigInt(Math.trunc(value)).toString() : value;
}

/** What is of another kind than its type says is shown as it is. */
function misfit(json: unknown, expected: string, note: Note): ProtoTree {
  note(`expected ${expected}, found ${JSON.stringify(json)?.slice(0, 60)}`);
  return plainTree(json);
}

function wellKnown(type: DescMessage): Read | undefined {
  switch (type.typeName) {
    case 'google.protobuf.Any':
      return anyTree;
    case 'google.protobuf.Struct':
      return (json, note) => (isObject(json) ? structTree(json) : misfit(json, 'an object', note));
    case 'google.protobuf.Value':
      return valueTree;
    case 'google.protobuf.ListValue':
      return (json, note) => (Array.isArray(json) ? listTree(json) : misfit(json, 'a list', note));
    case 'google.protobuf.Duration':
      return (json, note) => (typeof json === 'string' ? durationText(json) : misfit(json, 'a duration', note));
    case 'google.protobuf.Timestamp':
    case 'google.protobuf.FieldMask':
      return (json, note) => (typeof json === 'string' ? json : misfit(json, 'text', note));
  }
  return isWrapper(type) ? scalarReader(type.fields[0].scalar as ScalarType) : undefined;
}

function anyTree(json: unknown, note: Note): ProtoTree {
  if (!isObject(json)) return misfit(json, 'google.protobuf.Any', note);
  const url = json['@type'];
  const type = typeof url === 'string' ? typeOfUrl(url) : undefined;
  if (type === undefined) {
    if (url !== undefined) note(`type ${url} is not known`);
    return plainTree(json);
  }
  const head = ['@type', url as string] as const;
  if (hasOwnJson(type)) return message([head, ['value', protoTree(type, json.value, note)]]);
  const content = protoTree(type, json, note) as ProtoNode;
  return message([head, ...content.entries]);
}

function structTree(json: JsonObject): ProtoNode {
  return message(
    sortedEntries(json).map(([key, value]) => [key, valueTree(value)] as const),
    'struct',
  );
}

function listTree(items: readonly unknown[]): ProtoNode {
  return { kind: 'list', entries: [], items: items.map(valueTree) };
}

function valueTree(json: unknown): ProtoNode {
  const inner = Array.isArray(json) ? listTree(json) : isObject(json) ? structTree(json) : (json as ProtoTree);
  return { kind: 'value', entries: [], items: [inner] };
}

function sortedEntries(json: JsonObject): [string, unknown][] {
  return Object.entries(json).sort(([a], [b]) => compareText(a, b));
}

/** `0.25s` as `0.250s`: the fraction has 3, 6 or 9 digits. */
function durationText(text: string): string {
  const parts = /^(-?\d+)\.(\d{1,9})s$/.exec(text);
  if (parts === null) return text;
  const digits = parts[2].padEnd(9, '0').replace(/(?:000){1,3}$/, '');
  return digits === '' ? `${parts[1]}s` : `${parts[1]}.${digits}s`;
}
