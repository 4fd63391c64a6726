/**
 * Turns configuration into messages: plain values, or a whole file of any format.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli (`-c`, `--config-yaml`).
 */
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { messagePlan } from '#api/message-plan.ts';
import type { Place } from '#api/place.ts';
import { rootPlace } from '#api/place.ts';
import type { Problems } from '#api/problems.ts';
import type { Source } from '#api/source.ts';
import type { DecodeOptions } from '#api/tree-reader.ts';
import { readTree } from '#api/tree-reader.ts';
import { checkUnexpectedFields } from '#api/unexpected-fields.ts';

export { mergeSources, mergeTrees } from '#api/merge.ts';
export type { DecodeOptions } from '#api/tree-reader.ts';

/** @returns the message; where something was wrong, a problem was noted and the field left out. */
export function decode<T extends Message>(type: DescMessage, tree: unknown, at: Place, options: DecodeOptions = {}): T {
  return (readTree(type, tree, at, options) ?? messagePlan(type).empty()) as T;
}

/** @returns the message, as much of it as could be read, and the place to go on complaining from. What is wrong is in `problems`. */
export function loadMessage<T extends Message>(
  type: DescMessage,
  source: Source,
  problems: Problems,
  options: DecodeOptions = {},
): { message: T; at: Place } {
  for (const warning of source.warnings) problems.add(warning);
  const at = rootPlace(source, problems);
  if (source.binary === undefined) return { message: decode<T>(type, source.tree, at, options), at };
  const message = parse(type, source.binary, at) as T;
  checkUnexpectedFields(type, message, at, options);
  return { message, at };
}

function parse(type: DescMessage, binary: Uint8Array, at: Place): Message {
  try {
    return fromBinary(type, binary);
  } catch {
    at.report(`unable to parse the file as a binary protobuf (type ${type.typeName})`);
    return messagePlan(type).empty();
  }
}
