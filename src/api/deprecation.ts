/**
 * Envoy's deprecated fields and values: some are warned of, some refused.
 * Follows https://github.com/envoyproxy/envoy/blob/main/CONTRIBUTING.md#breaking-change-policy and the options in
 * envoy/annotations/deprecation.proto.
 */
import type { DescEnum, DescExtension, DescField, Message } from '@bufbuild/protobuf';
import { getOption, isFieldSet } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import { apiRegistry } from '#api/registry.ts';

/** What using a field or value leads to. */
interface Verdict {
  refused: boolean;
  message: string;
}

const fields = new Map<DescField, Verdict | undefined>();
const enums = new Map<DescEnum, ReadonlyMap<number, Verdict>>();

/** Complains if the field is set to something, and is deprecated, or has a value that is. */
export function checkDeprecated(field: DescField, message: Message, at: Place): void {
  const verdict = verdictOf(field);
  if (verdict !== undefined && isFieldSet(message, field)) tell(verdict, at.field(field.name));
  if (field.enum !== undefined) checkValue(field, field.enum, message, at);
}

function checkValue(field: DescField, type: DescEnum, message: Message, at: Place): void {
  const verdicts = verdictsOf(type);
  if (verdicts.size === 0 || field.fieldKind !== 'enum' || !isFieldSet(message, field)) return;
  const content = message as unknown as Record<string, { value: number } | number>;
  const value =
    field.oneof === undefined ? content[field.localName] : (content[field.oneof.localName] as { value: number }).value;
  const verdict = verdicts.get(value as number);
  if (verdict !== undefined) tell(verdict, at.field(field.name));
}

function tell(verdict: Verdict, at: Place): void {
  if (verdict.refused) at.report(verdict.message);
  else at.warn(verdict.message);
}

function verdictOf(field: DescField): Verdict | undefined {
  if (!field.deprecated) return undefined;
  if (!fields.has(field)) {
    const refused = isDisallowed(field);
    const what = `${refused ? 'deprecated and disallowed' : 'deprecated'} option '${field.parent.typeName}.${field.name}'`;
    fields.set(field, { refused, message: words(what, field.parent.file.name) });
  }
  return fields.get(field);
}

function verdictsOf(type: DescEnum): ReadonlyMap<number, Verdict> {
  let verdicts = enums.get(type);
  if (verdicts === undefined) {
    const found = new Map<number, Verdict>();
    for (const value of type.values) {
      if (value.deprecated) {
        const what = `deprecated value ${value.name} for enum '${type.typeName}'`;
        found.set(value.number, { refused: false, message: words(what, type.file.name) });
      }
    }
    verdicts = found;
    enums.set(type, verdicts);
  }
  return verdicts;
}

function isDisallowed(field: DescField): boolean {
  const option = apiRegistry().getExtension('envoy.annotations.disallowed_by_default');
  return (
    option !== undefined && (getOption as (of: DescField, option: DescExtension) => unknown)(field, option) === true
  );
}

function words(what: string, file: string): string {
  const name = `${file.slice(file.lastIndexOf('/') + 1)}.proto`;
  return `Using ${what} from file ${name}. This configuration will be removed from Envoy soon.`;
}
