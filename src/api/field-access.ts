/**
 * Reading fields of protobuf-es messages by descriptor, compiled once for each field: where the value lies (a property, or the chosen
 * member of a oneof) and whether it is set.
 * Follows https://protobuf.dev/programming-guides/field_presence
 */
import type { DescField, Message } from '@bufbuild/protobuf';

/** A field of some messages of its type. */
export interface FieldAccess {
  readonly field: DescField;
  /** The value; undefined if the field has none (an absent message, another member of the oneof). */
  get(message: Message): unknown;
  /** Protobuf's notion of set: a plain scalar is when it is not zero, a list or map when it is not empty. */
  isSet(message: Message): boolean;
}

type Content = Record<string, unknown>;
type Oneof = { case: string | undefined; value?: unknown };

const FEATURE_IMPLICIT = 2;

export function fieldAccess(field: DescField): FieldAccess {
  const name = field.localName;
  const get =
    field.oneof === undefined
      ? (message: Message) => (message as unknown as Content)[name]
      : inOneof(field.oneof.localName, name);
  const present = presence(field);
  return { field, get, isSet: (message) => present(get(message), message) };
}

function inOneof(group: string, name: string) {
  return (message: Message) => {
    const oneof = (message as unknown as Content)[group] as Oneof;
    return oneof.case === name ? oneof.value : undefined;
  };
}

function presence(field: DescField): (value: unknown, message: Message) => boolean {
  if (field.fieldKind === 'list') return (value) => (value as unknown[]).length > 0;
  if (field.fieldKind === 'map') return (value) => !isEmptyObject(value as object);
  if (field.fieldKind !== 'message' && field.oneof === undefined && field.presence === FEATURE_IMPLICIT) return notZero;
  if (field.oneof !== undefined) return (value) => value !== undefined;
  return (value, message) => value !== undefined && Object.hasOwn(message, field.localName);
}

function isEmptyObject(map: object): boolean {
  for (const _ in map) return false;
  return true;
}

function notZero(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length > 0;
  // -0 is not zero to protobuf, which looks at the bits.
  return value !== '' && value !== false && value !== 0n && !Object.is(value, 0) && value !== undefined;
}
