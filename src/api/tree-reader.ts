/**
 * Turns plain values (from YAML or JSON) into a message, and notes everything that is wrong with them, each at its place.
 * Takes what Envoy takes, which is protobuf's JSON mapping with its older habits: both spellings of a name, one value for a list of one,
 * null for a field not given, `{value: 5}` for a wrapper and `{seconds: 5}` for a duration.
 * Follows https://protobuf.dev/programming-guides/json and what Envoy 1.40 does.
 */
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { packAs, unknownType } from '#api/any.ts';
import { checkDeprecated } from '#api/deprecation.ts';
import { nearest } from '#api/field-names.ts';
import type { Leaf } from '#api/leaf.ts';
import { BAD, expected } from '#api/leaf.ts';
import type { FieldPlan, ValuePlan } from '#api/message-plan.ts';
import { messagePlan, messageValuePlan } from '#api/message-plan.ts';
import type { Place } from '#api/place.ts';
import { typeOfUrl } from '#api/registry.ts';
import { noteUnread } from '#api/unread.ts';
import { hasOwnJson } from '#api/well-known.ts';

export interface DecodeOptions {
  /** Warn of unknown fields and enum names, and leave them out, as Envoy does with `--allow-unknown-static-fields`. */
  allowUnknown?: boolean;
}

type Tree = Record<string, unknown>;
type Content = Message & Record<string, unknown>;

/** How deep messages may nest; protobuf's own limit. */
const MAX_DEPTH = 100;

/** Undefined if the tree is no message at all; where something else was wrong, a problem was noted and the field left out. */
export function readTree(type: DescMessage, tree: unknown, at: Place, options: DecodeOptions): Message | undefined {
  return readValue(messageValuePlan(type, 'message'), tree, at, options, 0) as Message | undefined;
}

function readMessage(type: DescMessage, tree: Tree, at: Place, options: DecodeOptions, depth: number): Content {
  const plan = messagePlan(type);
  const message = plan.empty();
  if (depth > MAX_DEPTH) {
    at.report(`messages are nested more than ${MAX_DEPTH} deep`);
    return message;
  }
  for (const name in tree) {
    const field = plan.fields.get(name);
    if (field === undefined) unknownField(message, type, name, at, options);
    else readField(field, tree[name], message, at, options, depth);
  }
  checkDeprecated(type, message, at);
  return message;
}

function readField(
  field: FieldPlan,
  tree: unknown,
  message: Content,
  at: Place,
  options: DecodeOptions,
  depth: number,
): void {
  if (tree === null && !field.value.takesNull) return;
  if (field.kind === 'one') {
    const value = readLeafOrMessage(field, tree, at, options, depth);
    if (value === undefined) noteUnread(message, field.field);
    else if (field.oneof === undefined) message[field.local] = value;
    else setOneof(field, field.oneof, value, message, at);
  } else if (field.kind === 'list') {
    const list = readList(field, tree, at.field(field.name), options, depth);
    if (list.length < (Array.isArray(tree) ? tree.length : 1)) noteUnread(message, field.field);
    message[field.local] = list;
  } else {
    message[field.local] = readMap(field, tree, at.field(field.name), options, depth);
  }
}

/** The place of a scalar is only made when it is wrong. */
function readLeafOrMessage(field: FieldPlan, tree: unknown, at: Place, options: DecodeOptions, depth: number): unknown {
  const { leaf } = field.value;
  if (leaf !== undefined) {
    const value = leaf.read(tree);
    if (value !== BAD) return value;
  }
  return readValue(field.value, tree, at.field(field.name), options, depth);
}

function readValue(plan: ValuePlan, tree: unknown, at: Place, options: DecodeOptions, depth: number): unknown {
  if (plan.leaf !== undefined) {
    const value = plan.leaf.read(tree);
    if (value !== BAD) return value;
  }
  if (plan.type !== undefined && typeof tree === 'object' && tree !== null && !Array.isArray(tree)) {
    if (plan.isAny) return readAny(tree as Tree, at, options, depth);
    const message = readMessage(plan.type, tree as Tree, at, options, depth + 1);
    return plan.unwrap ? message.value : message;
  }
  complain(plan.leaf, tree, at, options);
  return undefined;
}

function complain(leaf: Leaf | undefined, tree: unknown, at: Place, options: DecodeOptions): void {
  const { message, hint, unknown } = leaf?.why(tree) ?? expected('an object', tree);
  if (unknown && options.allowUnknown) at.warn(message, 'unknown');
  else at.report(message, hint);
}

function readList(field: FieldPlan, tree: unknown, at: Place, options: DecodeOptions, depth: number): unknown[] {
  const list: unknown[] = [];
  const items = Array.isArray(tree) ? tree : [tree];
  for (let i = 0; i < items.length; i++) {
    const value = readItem(field.value, items[i], at, i, options, depth);
    if (value !== undefined) list.push(value);
  }
  return list;
}

function readItem(
  plan: ValuePlan,
  tree: unknown,
  list: Place,
  i: number,
  options: DecodeOptions,
  depth: number,
): unknown {
  if (tree === null && !plan.takesNull) return readNull(plan, list.index(i), options, depth);
  return readValue(plan, tree, list.index(i), options, depth);
}

/** In a list or map, null stands for an empty message. */
function readNull(plan: ValuePlan, at: Place, options: DecodeOptions, depth: number): unknown {
  if (plan.type !== undefined) return readMessage(plan.type, {}, at, options, depth + 1);
  return readValue(plan, plan.leaf?.read({}) === BAD ? null : {}, at, options, depth);
}

function readMap(field: FieldPlan, tree: unknown, at: Place, options: DecodeOptions, depth: number): Tree {
  const map: Tree = {};
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    at.report(expected('an object', tree).message);
    return map;
  }
  for (const [key, item] of Object.entries(tree)) {
    if (field.key !== undefined && field.key.read(key) === BAD) {
      at.key(key).report(`a key of '${field.name}' is wrong: ${field.key.why(key).message}`);
      continue;
    }
    const none = item === null && !field.value.takesNull;
    const value = none
      ? readNull(field.value, at.key(key), options, depth)
      : readValue(field.value, item, at.key(key), options, depth);
    if (value !== undefined) {
      Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
    }
  }
  return map;
}

function setOneof(field: FieldPlan, oneof: string, value: unknown, message: Content, at: Place): void {
  const group = message[oneof] as { case: string | undefined };
  if (group.case !== undefined && group.case !== field.local) {
    const other = field.field.parent.field[group.case].name;
    at.field(field.name).report(`'${field.name}' and '${other}' are both set, and only one of them may be`);
    return;
  }
  message[oneof] = { case: field.local, value };
}

function readAny(tree: Tree, at: Place, options: DecodeOptions, depth: number): unknown {
  const typeUrl = tree['@type'];
  if (typeUrl === undefined) {
    if (Object.keys(tree).length > 0) at.report(`'@type' is missing: it says which message this is`);
    return { $typeName: 'google.protobuf.Any', typeUrl: '', value: new Uint8Array() };
  }
  const type = anyType(typeUrl, at.field('@type'));
  if (type === undefined) return undefined;
  const { '@type': _, ...rest } = tree;
  const message = hasOwnJson(type)
    ? readWellKnown(type, rest, at, options, depth)
    : readMessage(type, rest, at, options, depth + 1);
  return message === undefined ? undefined : packAs(typeUrl as string, type, message as Message);
}

function anyType(typeUrl: unknown, at: Place): DescMessage | undefined {
  if (typeof typeUrl !== 'string') {
    at.report(expected('a type URL', typeUrl).message);
    return undefined;
  }
  if (typeUrl.lastIndexOf('/') < 1) {
    at.report(
      `'@type' must contain at least one / and a nonempty host; got: ${typeUrl}`,
      `did you mean 'type.googleapis.com/${typeUrl}'?`,
    );
    return undefined;
  }
  const type = typeOfUrl(typeUrl);
  if (type === undefined) at.report(...unknownType(typeUrl));
  return type;
}

/** A type with its own JSON stands under `value` in an Any. */
function readWellKnown(type: DescMessage, rest: Tree, at: Place, options: DecodeOptions, depth: number): unknown {
  for (const name in rest) {
    if (name !== 'value') at.field(name).report(`an Any of ${type.typeName} has the fields '@type' and 'value' only`);
  }
  const plan = messageValuePlan(type, 'message');
  const tree = rest.value ?? null;
  if (tree === null && !plan.takesNull) return messagePlan(type).empty();
  return readValue(plan, tree, at.field('value'), options, depth);
}

function unknownField(message: Message, type: DescMessage, name: string, at: Place, options: DecodeOptions): void {
  const words = `no field '${name}' in ${type.name}`;
  if (options.allowUnknown) {
    at.field(name).warn(words, 'unknown');
    return;
  }
  const { fields } = messagePlan(type);
  const meant = fields.get(nearest(name, fields.keys()) ?? '');
  if (meant !== undefined) noteUnread(message, meant.field);
  at.field(name).reportName(words, meant === undefined ? undefined : `did you mean '${meant.name}'?`);
}
