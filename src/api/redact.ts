/**
 * Hides secrets before a configuration is shown: what Envoy's API marks as sensitive, and everything below it, becomes `[redacted]` if it
 * is text or bytes, and unset if it is anything else. Looks into Any and TypedStruct.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--config_dump
 */
import type { DescExtension, DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { create, getOption, ScalarType } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { contentOf, packAs } from '#api/any.ts';
import { toTree } from '#api/encode.ts';
import { fieldAccess } from '#api/field-access.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { apiRegistry, typeOfUrl } from '#api/registry.ts';
import { readTree } from '#api/tree-reader.ts';
import { isWrapper } from '#api/well-known.ts';

const REDACTED = '[redacted]';
const REDACTED_BYTES = new TextEncoder().encode(REDACTED);

type Content = Message & Record<string, unknown>;

/** @returns the message itself if there is nothing to hide, else a copy; the copy shares what it can. */
export function redact<T extends Message>(type: DescMessage, message: T): T {
  return redactMessage(type, message, false) as T;
}

function redactMessage(type: DescMessage, message: Message, secret: boolean): Message {
  if (type.typeName === 'google.protobuf.Any') return redactAny(message as Any, secret);
  if (TYPED_STRUCT.test(type.typeName)) return redactTypedStruct(type, message as TypedStruct, secret);
  let copy: Content | undefined;
  for (const field of fieldsOf(type)) {
    const value = field.get(message);
    if (value === undefined) continue;
    const hidden = field.hide(value, secret);
    if (hidden === value) continue;
    copy ??= { ...(message as Content) };
    if (field.oneof !== undefined)
      copy[field.oneof] = hidden === UNSET ? { case: undefined } : { case: field.local, value: hidden };
    else if (hidden === UNSET) copy[field.local] = (create(type) as Content)[field.local];
    else copy[field.local] = hidden;
  }
  return copy ?? message;
}

/** Stands for a value that is taken away. */
const UNSET = Symbol('unset');

interface FieldHider {
  readonly local: string;
  readonly oneof: string | undefined;
  get(message: Message): unknown;
  /** The value as it may be shown; the very same one if it holds no secret. */
  hide(value: unknown, secret: boolean): unknown;
}

const hiders = new WeakMap<DescMessage, FieldHider[]>();

function fieldsOf(type: DescMessage): FieldHider[] {
  let list = hiders.get(type);
  if (list === undefined) {
    list = type.fields.map(fieldHider);
    hiders.set(type, list);
  }
  return list;
}

function fieldHider(field: DescField): FieldHider {
  const sensitive = isSensitive(field);
  const one = valueHider(field);
  const hide =
    field.fieldKind === 'list'
      ? (value: unknown, secret: boolean) => hideItems(value as unknown[], one, secret)
      : field.fieldKind === 'map'
        ? (value: unknown, secret: boolean) => hideEntries(value as Record<string, unknown>, one, secret)
        : one;
  return {
    local: field.localName,
    oneof: field.oneof?.localName,
    get: fieldAccess(field).get,
    hide: (value, secret) => hide(value, secret || sensitive),
  };
}

function isSensitive(field: DescField): boolean {
  const option = apiRegistry().getExtension('udpa.annotations.sensitive') as DescExtension;
  return (getOption as (of: DescField, option: DescExtension) => unknown)(field, option) === true;
}

type Hide = (value: unknown, secret: boolean) => unknown;

function hideItems(items: unknown[], one: Hide, secret: boolean): unknown[] {
  const hidden = items.map((item) => one(item, secret)).filter((item) => item !== UNSET);
  return hidden.length === items.length && hidden.every((item, i) => item === items[i]) ? items : hidden;
}

function hideEntries(map: Record<string, unknown>, one: Hide, secret: boolean): Record<string, unknown> {
  const entries = Object.entries(map);
  const hidden = entries
    .map(([key, value]) => [key, one(value, secret)] as const)
    .filter(([, value]) => value !== UNSET);
  const same = hidden.length === entries.length && hidden.every(([, value], i) => value === entries[i][1]);
  return same ? map : Object.fromEntries(hidden);
}

function valueHider(field: DescField): Hide {
  if (field.message === undefined) return (value, secret) => (secret ? hiddenScalar(field.scalar, value) : value);
  const { message: type } = field;
  if (type.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value') {
    return (value, secret) => (secret ? hiddenTree(value) : value);
  }
  if (isWrapper(type) && field.fieldKind === 'message' && field.oneof === undefined) {
    return (value, secret) => (secret ? hiddenScalar(type.fields[0].scalar, value) : value);
  }
  return (value, secret) => redactMessage(type, value as Message, secret);
}

function hiddenScalar(scalar: ScalarType | undefined, value: unknown): unknown {
  if (value === '') return value;
  if (scalar === ScalarType.STRING) return REDACTED;
  if (scalar === ScalarType.BYTES) return (value as Uint8Array).length === 0 ? value : REDACTED_BYTES;
  return UNSET;
}

/** Free-form values: names stay. */
function hiddenTree(tree: unknown): unknown {
  if (typeof tree === 'string') return REDACTED;
  if (Array.isArray(tree)) return tree.map(hiddenTree);
  if (typeof tree !== 'object' || tree === null) return null;
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, hiddenTree(value)]));
}

function redactAny(any: Any, secret: boolean): Any {
  const content = contentOf(any);
  if (content === undefined) {
    return secret && any.typeUrl !== '' ? { ...any, typeUrl: REDACTED, value: REDACTED_BYTES } : any;
  }
  const hidden = redactMessage(content.type, content.message, secret);
  return hidden === content.message ? any : packAs(any.typeUrl, content.type, hidden);
}

const TYPED_STRUCT = /^(?:xds\.type\.v3|udpa\.type\.v1)\.TypedStruct$/;

type TypedStruct = Message & { typeUrl: string; value?: Record<string, unknown> };

/** What the struct stands for is read as that message, and written back. */
function redactTypedStruct(type: DescMessage, struct: TypedStruct, secret: boolean): TypedStruct {
  if (struct.value === undefined) return struct;
  const meant = typeOfUrl(struct.typeUrl);
  if (meant === undefined)
    return secret ? { ...struct, value: hiddenTree(struct.value) as Record<string, unknown> } : struct;
  const message = readTree(meant, struct.value, rootPlace(undefined, new Problems()), { allowUnknown: true });
  if (message === undefined) return struct;
  const hidden = redactMessage(meant, message, secret);
  if (hidden === message) return struct;
  return {
    ...struct,
    $typeName: type.typeName,
    value: toTree(meant, hidden, { protoNames: true }) as Record<string, unknown>,
  };
}
