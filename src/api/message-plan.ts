/**
 * How messages of a type are read from plain values: tables made once for each type, so that reading a field is a map lookup and a call.
 */
import type { DescEnum, DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { Leaf } from '#api/leaf.ts';
import { enumLeaf, scalarLeaf } from '#api/leaf.ts';
import { isWrapper, wellKnownLeaf } from '#api/well-known.ts';

/** How one value is read: as a leaf, or as a message by its fields. Well-known types may be both. */
export interface ValuePlan {
  readonly leaf: Leaf | undefined;
  /** The message type, if it is one that may be given by its fields. */
  readonly type: DescMessage | undefined;
  readonly isAny: boolean;
  /** Wrappers in singular fields hold their bare value. */
  readonly unwrap: boolean;
  /** null is a value: google.protobuf.Value and NullValue. */
  readonly takesNull: boolean;
}

export interface FieldPlan {
  readonly field: DescField;
  /** As Envoy's API spells it. */
  readonly name: string;
  /** The property of the message. */
  readonly local: string;
  /** The property of the oneof group that the field belongs to. */
  readonly oneof: string | undefined;
  readonly kind: 'one' | 'list' | 'map';
  readonly value: ValuePlan;
  /** For maps: how a key's text is checked. */
  readonly key: Leaf | undefined;
}

export interface MessagePlan {
  readonly type: DescMessage;
  /** By both spellings. */
  readonly fields: ReadonlyMap<string, FieldPlan>;
  /** A new, empty message. */
  readonly empty: () => Message & Record<string, unknown>;
}

const plans = new WeakMap<DescMessage, MessagePlan>();

export function messagePlan(type: DescMessage): MessagePlan {
  let plan = plans.get(type);
  if (plan === undefined) {
    plan = { type, fields: fieldsOf(type), empty: factory(type) };
    plans.set(type, plan);
  }
  return plan;
}

function fieldsOf(type: DescMessage): Map<string, FieldPlan> {
  const fields = new Map<string, FieldPlan>();
  for (const field of type.fields) {
    const plan = fieldPlan(field);
    fields.set(field.jsonName, plan);
    fields.set(field.name, plan);
  }
  return fields;
}

function fieldPlan(field: DescField): FieldPlan {
  const kind = field.fieldKind === 'list' ? 'list' : field.fieldKind === 'map' ? 'map' : 'one';
  return {
    field,
    name: field.name,
    local: field.localName,
    oneof: field.oneof?.localName,
    kind,
    value: valuePlan(field),
    key: field.fieldKind === 'map' ? scalarLeaf(field.mapKey) : undefined,
  };
}

const enums = new WeakMap<DescEnum, Leaf>();

function leafOfEnum(type: DescEnum): Leaf {
  let leaf = enums.get(type);
  if (leaf === undefined) {
    leaf = enumLeaf(type);
    enums.set(type, leaf);
  }
  return leaf;
}

function valuePlan(field: DescField): ValuePlan {
  const none = { leaf: undefined, type: undefined, isAny: false, unwrap: false, takesNull: false };
  if (field.message !== undefined) {
    const bare = field.fieldKind === 'message' && field.oneof === undefined;
    return messageValuePlan(field.message, bare ? 'field' : 'struct-field');
  }
  if (field.enum !== undefined) {
    const takesNull = field.enum.typeName === 'google.protobuf.NullValue';
    return {
      ...none,
      leaf: takesNull ? { read: () => 0, why: leafOfEnum(field.enum).why } : leafOfEnum(field.enum),
      takesNull,
    };
  }
  return { ...none, leaf: scalarLeaf(field.scalar as never) };
}

/** @param where see {@link wellKnownLeaf}. */
export function messageValuePlan(type: DescMessage, where: 'field' | 'struct-field' | 'message'): ValuePlan {
  const leaf = wellKnownLeaf(type, where);
  const free = /^google\.protobuf\.(?:Struct|Value|ListValue)$/.test(type.typeName);
  return {
    leaf,
    type: free ? undefined : type,
    isAny: type.typeName === 'google.protobuf.Any',
    unwrap: where === 'field' && isWrapper(type),
    takesNull: type.typeName === 'google.protobuf.Value',
  };
}

/** Copying an object with all its properties is several times as fast as protobuf-es' create(); lists, maps and oneofs must be fresh. */
function factory(type: DescMessage): () => Message & Record<string, unknown> {
  const template = create(type) as Message & Record<string, unknown>;
  if (Object.getPrototypeOf(template) !== Object.prototype)
    return () => create(type) as Message & Record<string, unknown>;
  const lists = type.fields.filter((field) => field.fieldKind === 'list').map((field) => field.localName);
  const maps = type.fields.filter((field) => field.fieldKind === 'map').map((field) => field.localName);
  const oneofs = type.oneofs.map((oneof) => oneof.localName);
  return () => {
    const message = { ...template };
    for (const name of lists) message[name] = [];
    for (const name of maps) message[name] = {};
    for (const name of oneofs) message[name] = { case: undefined };
    return message;
  };
}
