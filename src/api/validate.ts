/**
 * Checks a message, and the messages in it, against the rules that Envoy's API states in its proto files (`validate.rules`), and complains
 * with the words of Envoy's own check, each at its place. Goes through Any.
 * The rules of a type are compiled once, when first needed; a type that can hold no rule costs nothing.
 * Follows https://github.com/bufbuild/protoc-gen-validate/blob/main/README.md
 */
import type { DescExtension, DescField, DescMessage, DescOneof, Message } from '@bufbuild/protobuf';
import { getOption } from '@bufbuild/protobuf';
import type { Any, Duration } from '@bufbuild/protobuf/wkt';
import { unpack } from '#api/any.ts';
import { fieldAccess } from '#api/field-access.ts';
import type { Place } from '#api/place.ts';
import { apiRegistry, typeOfUrl } from '#api/registry.ts';
import { wasUnread } from '#api/unread.ts';
import type { FieldRules, ValueRule } from '#api/value-rules.ts';
import { countRules, valueRule } from '#api/value-rules.ts';
import { isWrapper } from '#api/well-known.ts';

type Check = (message: Message, at: Place) => void;
type Option = (of: DescField | DescOneof, option: DescExtension) => unknown;

const checks = new WeakMap<DescMessage, readonly Check[]>();

/** Notes what breaks a rule of the type, or of a message below, Any included. */
export function validate(type: DescMessage, message: Message, at: Place): void {
  for (const check of checksOf(type)) check(message, at);
}

function checksOf(type: DescMessage): readonly Check[] {
  let list = checks.get(type);
  if (list === undefined) {
    list = compile(type);
    checks.set(type, list);
  }
  return list;
}

function compile(type: DescMessage): Check[] {
  if (type.typeName === 'google.protobuf.Any') return [checkAny];
  if (!holdsRules(type, new Set())) return [];
  return [...type.oneofs.flatMap(oneofChecks), ...type.fields.flatMap(fieldChecks)];
}

const holders = new WeakMap<DescMessage, boolean>();

/** Can a message of this type hold anything that a rule is about? */
function holdsRules(type: DescMessage, seen: Set<DescMessage>): boolean {
  const known = holders.get(type);
  if (known !== undefined) return known;
  if (seen.has(type)) return false;
  seen.add(type);
  const holds =
    type.typeName === 'google.protobuf.Any' ||
    type.oneofs.some(isRequired) ||
    type.fields.some(
      (field) =>
        rulesOf(field) !== undefined || isDuration(field) || (descends(field) && holdsRules(field.message, seen)),
    );
  // Within a cycle, "no" may only mean that the answer is being looked for further up.
  if (holds || seen.size === 1) holders.set(type, holds);
  return holds;
}

/** Does the field hold messages as messages? Wrappers and free-form values have nothing inside to check. */
function descends(field: DescField): field is DescField & { message: DescMessage } {
  if (field.message === undefined || isWrapper(field.message)) return false;
  return field.message.typeName === 'google.protobuf.Any' || !field.message.typeName.startsWith('google.protobuf.');
}

function rulesOf(field: DescField): FieldRules | undefined {
  const option = apiRegistry().getExtension('validate.rules') as DescExtension;
  const rules = (getOption as Option)(field, option) as FieldRules;
  return rules.type.case === undefined && rules.message === undefined ? undefined : rules;
}

function isDuration(field: DescField): boolean {
  return field.fieldKind === 'message' && field.message.typeName === 'google.protobuf.Duration';
}

/** Envoy takes no such duration anywhere, whatever the rules say: it finds out when it reads one. */
function negativeDuration(value: unknown): string | undefined {
  const { seconds, nanos } = value as Duration;
  return seconds < 0n || nanos < 0 ? 'Invalid duration: Expected positive duration' : undefined;
}

function isRequired(oneof: DescOneof): boolean {
  const option = apiRegistry().getExtension('validate.required') as DescExtension;
  return (getOption as Option)(oneof, option) === true;
}

function oneofChecks(oneof: DescOneof): Check[] {
  if (!isRequired(oneof)) return [];
  const name = oneof.localName;
  const members = oneof.fields.map((field) => field.name).join(', ');
  return [
    (message, at) => {
      const group = (message as unknown as Record<string, { case?: string }>)[name];
      if (group.case === undefined && !wasUnread(message, oneof)) {
        at.field(oneof.name).reportName(`field '${oneof.name}' is required`, `set one of ${members}`);
      }
    },
  ];
}

function fieldChecks(field: DescField): Check[] {
  const rules = rulesOf(field);
  if (field.fieldKind === 'list') return listChecks(field, rules);
  if (field.fieldKind === 'map') return mapChecks(field, rules);
  const { get, isSet } = fieldAccess(field);
  const found: Check[] = [];
  // A member of a oneof is required only when it is chosen, and then it is there.
  if (isRequiredField(rules) && field.oneof === undefined) {
    found.push((message, at) => {
      if (!isSet(message) && !wasUnread(message, field)) at.field(field.name).reportName('value is required');
    });
  }
  const stated = rules === undefined ? undefined : valueRule(field, rules);
  const rule = isDuration(field) ? (value: unknown) => stated?.(value) ?? negativeDuration(value) : stated;
  const below = rules?.message?.skip ? undefined : descent(field);
  if (rule === undefined && below === undefined) return found;
  found.push((message, at) => {
    const value = get(message);
    if (value === undefined) return;
    const wrong = rule?.(value);
    if (wrong === undefined) below?.(value as Message, at.field(field.name));
    else if (!wasUnread(message, field)) at.field(field.name).report(wrong);
  });
  return found;
}

function isRequiredField(rules: FieldRules | undefined): boolean {
  const typed = rules?.type.value as { required?: boolean } | undefined;
  return rules?.message?.required === true || typed?.required === true;
}

/** How to go on into the messages of a field, if anything there can break a rule. */
function descent(field: DescField): Check | undefined {
  if (!descends(field) || !holdsRules(field.message, new Set())) return undefined;
  const { message: type } = field;
  let list: readonly Check[] | undefined;
  return (message, at) => {
    // Compiled on first use: the type may be this very field's parent.
    list ??= checksOf(type);
    for (const check of list) check(message, at);
  };
}

function listChecks(field: DescField & { fieldKind: 'list' }, rules: FieldRules | undefined): Check[] {
  const { get } = fieldAccess(field);
  const own = rules?.type.case === 'repeated' ? rules.type.value : undefined;
  const found: Check[] = [];
  const count = own === undefined ? undefined : countRules(own.minItems, own.maxItems, 'item(s)', 'items');
  if (count !== undefined) {
    found.push((message, at) => {
      const wrong = count((get(message) as unknown[]).length);
      if (wrong !== undefined && !wasUnread(message, field)) at.field(field.name).report(wrong);
    });
  }
  const rule = own?.items === undefined ? undefined : valueRule(field, own.items);
  const below = own?.items?.message?.skip ? undefined : descent(field);
  if (rule === undefined && below === undefined && !own?.unique) return found;
  found.push((message, at) => {
    const items = get(message) as unknown[];
    if (items.length === 0) return;
    const place = at.field(field.name);
    if (own?.unique) checkUnique(items, place);
    for (let i = 0; i < items.length; i++) checkItem(items[i], rule, below, place.index(i));
  });
  return found;
}

function checkItem(item: unknown, rule: ValueRule | undefined, below: Check | undefined, at: Place): void {
  const wrong = rule?.(item);
  if (wrong !== undefined) at.report(wrong);
  else below?.(item as Message, at);
}

function checkUnique(items: unknown[], at: Place): void {
  const seen = new Set<unknown>();
  for (let i = 0; i < items.length; i++) {
    if (seen.has(items[i])) at.index(i).report('repeated value must contain unique items');
    seen.add(items[i]);
  }
}

function mapChecks(field: DescField & { fieldKind: 'map' }, rules: FieldRules | undefined): Check[] {
  const { get } = fieldAccess(field);
  const own = rules?.type.case === 'map' ? rules.type.value : undefined;
  const count = own === undefined ? undefined : countRules(own.minPairs, own.maxPairs, 'pair(s)', 'pairs');
  const keyRule = own?.keys === undefined ? undefined : valueRule({ scalar: field.mapKey }, own.keys);
  const rule = own?.values === undefined ? undefined : valueRule(field, own.values);
  const below = own?.values?.message?.skip ? undefined : descent(field);
  if (count === undefined && keyRule === undefined && rule === undefined && below === undefined) return [];
  return [
    (message, at) => {
      const entries = Object.entries(get(message) as Record<string, unknown>);
      const place = at.field(field.name);
      const wrong = count?.(entries.length);
      if (wrong !== undefined) place.report(wrong);
      for (const [key, value] of entries) {
        const wrongKey = keyRule?.(key);
        if (wrongKey !== undefined) place.key(key).reportName(wrongKey);
        checkItem(value, rule, below, place.key(key));
      }
    },
  ];
}

/** A message of a type that we do not know is for its reader to complain of: it may be one that nobody reads. */
function checkAny(message: Message, at: Place): void {
  const any = message as Any;
  if (any.typeUrl === '' || typeOfUrl(any.typeUrl) === undefined) return;
  at.attempt(() => {
    const { type, message: inner } = unpack(any, at);
    validate(type, inner, at);
  });
}
