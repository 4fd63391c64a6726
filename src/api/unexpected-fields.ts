/**
 * Complains of what a message that came as bytes holds and should not: fields that its type does not have, deprecated fields and values.
 * Messages read from text had this done while they were read. Goes through Any.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli (`--allow-unknown-static-fields`, `--reject-unknown-dynamic-fields`).
 */
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { contentOf } from '#api/any.ts';
import { checkDeprecated } from '#api/deprecation.ts';
import { fieldAccess } from '#api/field-access.ts';
import type { Place } from '#api/place.ts';
import { isWrapper } from '#api/well-known.ts';

type Visit = (message: Message, at: Place, visit: (type: DescMessage, message: Message, at: Place) => void) => void;

const children = new WeakMap<DescMessage, readonly Visit[]>();

/** @param options.allowUnknown warns of unknown fields instead of refusing them. */
export function checkUnexpectedFields(
  type: DescMessage,
  message: Message,
  at: Place,
  options: { allowUnknown?: boolean } = {},
): void {
  const { $unknown: unknown = [] } = message;
  if (unknown.length > 0) {
    const numbers = [...new Set(unknown.map((field) => field.no))].join(', ');
    const words = `Protobuf message (type ${type.typeName} with unknown field set {${numbers}}) has unknown fields`;
    if (options.allowUnknown) at.warn(words, 'unknown');
    else at.report(words);
  }
  if (type.typeName === 'google.protobuf.Any') {
    const content = contentOf(message as Any);
    if (content !== undefined) checkUnexpectedFields(content.type, content.message, at, options);
    return;
  }
  checkDeprecated(type, message, at);
  const below = (inner: DescMessage, value: Message, place: Place) =>
    checkUnexpectedFields(inner, value, place, options);
  for (const visit of childrenOf(type)) visit(message, at, below);
}

function childrenOf(type: DescMessage): readonly Visit[] {
  let visits = children.get(type);
  if (visits === undefined) {
    visits = type.fields.flatMap(visitsOf);
    children.set(type, visits);
  }
  return visits;
}

function visitsOf(field: DescField): Visit[] {
  const { message: type } = field;
  if (type === undefined || isWrapper(type) || /^google\.protobuf\.(?!Any$)/.test(type.typeName)) return [];
  const { get } = fieldAccess(field);
  if (field.fieldKind === 'list') {
    return [
      (message, at, visit) => {
        const place = at.field(field.name);
        const items = get(message) as Message[];
        for (let i = 0; i < items.length; i++) visit(type, items[i], place.index(i));
      },
    ];
  }
  if (field.fieldKind === 'map') {
    return [
      (message, at, visit) => {
        const place = at.field(field.name);
        for (const [key, item] of Object.entries(get(message) as Record<string, Message>))
          visit(type, item, place.key(key));
      },
    ];
  }
  return [
    (message, at, visit) => {
      const value = get(message) as Message | undefined;
      if (value !== undefined) visit(type, value, at.field(field.name));
    },
  ];
}
