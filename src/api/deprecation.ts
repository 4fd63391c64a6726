/**
 * Envoy's deprecated fields and enum values: most are warned of, those that are disallowed by default are refused.
 * Follows https://github.com/envoyproxy/envoy/blob/main/CONTRIBUTING.md#breaking-change-policy and the options of
 * envoy/annotations/deprecation.proto; the words are those of Envoy 1.40.
 */
import type { DescExtension, DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { getOption } from '@bufbuild/protobuf';
import { fieldAccess } from '#api/field-access.ts';
import type { Place } from '#api/place.ts';
import { apiRegistry } from '#api/registry.ts';

type Check = (message: Message, at: Place) => void;

const NONE: readonly Check[] = [];
const checks = new WeakMap<DescMessage, readonly Check[]>();

/** Complains of the deprecated fields that are set in a message, and of deprecated values, not looking into its messages. */
export function checkDeprecated(type: DescMessage, message: Message, at: Place): void {
  let list = checks.get(type);
  if (list === undefined) {
    const compiled = type.fields.flatMap(checksOf);
    list = compiled.length === 0 ? NONE : compiled;
    checks.set(type, list);
  }
  for (const check of list) check(message, at);
}

function checksOf(field: DescField): Check[] {
  const found: Check[] = [];
  if (field.deprecated && field.parent.file.name.startsWith('envoy/')) found.push(ofField(field));
  if (field.fieldKind === 'enum' && field.enum.values.some((value) => value.deprecated)) found.push(ofValue(field));
  return found;
}

function ofField(field: DescField): Check {
  const { isSet } = fieldAccess(field);
  const refused = isDisallowed(field);
  const words = `Using deprecated option '${field.parent.typeName}.${field.name}' from file ${fileOf(field)}. This configuration will be removed from Envoy soon.`;
  return (message, at) => {
    if (!isSet(message)) return;
    if (refused) at.field(field.name).reportName(words);
    else at.field(field.name).warn(words, 'deprecated');
  };
}

/** A field that is left out has its first value, and is warned of if that one is deprecated. */
function ofValue(field: DescField & { fieldKind: 'enum' }): Check {
  const { get } = fieldAccess(field);
  const deprecated = new Map(
    field.enum.values.filter((value) => value.deprecated).map((value) => [value.number, value.name]),
  );
  const implied = field.enum.values[0].number;
  const whose = `for enum '${field.parent.typeName}.${field.name}' from file ${fileOf(field)}. This enum value will be removed from Envoy soon`;
  return (message, at) => {
    const value = get(message) as number | undefined;
    const name = value === undefined ? undefined : deprecated.get(value);
    if (name === undefined) return;
    if (value === implied) {
      at.field(field.name).warn(
        `Using the default now-deprecated value ${name} ${whose} so a non-default value must now be explicitly set.`,
        'deprecated',
      );
    } else {
      at.field(field.name).warn(`Using deprecated value ${name} ${whose}.`, 'deprecated');
    }
  };
}

function isDisallowed(field: DescField): boolean {
  const option = apiRegistry().getExtension('envoy.annotations.disallowed_by_default');
  return (
    option !== undefined && (getOption as (of: DescField, option: DescExtension) => unknown)(field, option) === true
  );
}

function fileOf(field: DescField): string {
  const { name } = field.parent.file;
  return `${name.slice(name.lastIndexOf('/') + 1)}.proto`;
}
