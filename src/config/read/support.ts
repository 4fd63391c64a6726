/**
 * Which fields of Envoy's messages we honour. Each reader says so once for its message; any other field that is set is refused by name, so
 * that nothing is accepted and ignored. The same words make docs/compatibility.md.
 */
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { fieldAccess } from '#api/field-access.ts';
import type { Place } from '#api/place.ts';
import { messageType } from '#api/registry.ts';

/** What is said of the fields that are not honoured; a field that is not named is refused without a reason. */
export interface NotHonoured {
  /** Accepted with a warning: fields that tune something which has no counterpart here, and why. */
  withoutEffect?: Readonly<Record<string, string>>;
  /** Refused, and why. */
  refused?: Readonly<Record<string, string>>;
  /** Where the declaration holds, for messages that are used in several places: `downstream`, `upstream`. */
  where?: string;
}

/** One reader's word about its message. Fields are named as the proto file spells them. */
export interface SupportDeclaration {
  readonly typeName: string;
  readonly honoured: readonly string[];
  readonly withoutEffect: Readonly<Record<string, string>>;
  readonly refused: Readonly<Record<string, string>>;
  readonly where: string;
}

const declarations: SupportDeclaration[] = [];

/** What the readers that are loaded have said, in the order in which they were loaded. */
export function supportDeclarations(): readonly SupportDeclaration[] {
  return declarations;
}

type Check = (message: Message, at: Place) => void;

/**
 * Declares the fields of a message that its reader honours.
 * @param fields names as the proto file spells them, members of oneofs by their own names.
 * @returns a check for the reader to run on each such message: it notes every other field that is set, at its place.
 */
export function honours(typeName: string, fields: readonly string[], others: NotHonoured = {}): Check {
  const { withoutEffect = {}, refused = {}, where = '' } = others;
  declarations.push({ typeName, honoured: fields, withoutEffect, refused, where });
  let checks: Check[] | undefined;
  return (message, at) => {
    // Compiled on first use: a type is built from the descriptor set only when somebody reads such a message.
    checks ??= compile(messageType(typeName), new Set(fields), withoutEffect, refused);
    for (const check of checks) check(message, at);
  };
}

function compile(
  type: DescMessage,
  honoured: ReadonlySet<string>,
  withoutEffect: Readonly<Record<string, string>>,
  refused: Readonly<Record<string, string>>,
): Check[] {
  const known = new Set(type.fields.map((field) => field.name));
  const named = [...honoured, ...Object.keys(withoutEffect), ...Object.keys(refused)];
  for (const [i, name] of named.entries()) {
    if (!known.has(name)) throw new Error(`${type.typeName} has no field ${name}`);
    if (named.indexOf(name) !== i) throw new Error(`field ${name} of ${type.typeName} is declared twice`);
  }
  return type.fields
    .filter((field) => !honoured.has(field.name))
    .map((field) =>
      field.name in withoutEffect ? warning(field, withoutEffect[field.name]) : refusal(field, refused[field.name]),
    );
}

function warning(field: DescField, why: string): Check {
  const { isSet } = fieldAccess(field);
  return (message, at) => {
    if (isSet(message)) at.field(field.name).warn(`field '${field.name}' has no effect in Fairlead: ${why}`);
  };
}

function refusal(field: DescField, why: string | undefined): Check {
  const { isSet } = fieldAccess(field);
  return (message, at) => {
    if (isSet(message)) at.collect(at.field(field.name).unsupported(why));
  };
}
