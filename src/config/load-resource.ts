/**
 * One resource that discovery brought, from its bytes to plain data, with everything that is wrong with it at once.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */
import type { Message } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { type Place, rootPlace } from '#api/place.ts';
import { type Problem, Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { checkUnexpectedFields } from '#api/unexpected-fields.ts';
import { validate } from '#api/validate.ts';

/** What becomes of fields that Envoy's API does not have: `--reject-unknown-dynamic-fields`, `--ignore-unknown-dynamic-fields`. */
export type UnknownFields = 'reject' | 'warn' | 'ignore';

export interface LoadedResource<T> {
  config: T;
  warnings: Problem[];
}

/** A resource that cannot be used. Its message names each field that is wrong. */
export class ResourceError extends Error {
  /** It is not even a message that keeps the rules of its type: Envoy takes nothing then of what came with it. */
  readonly malformed: boolean;

  constructor(problems: readonly Problem[], malformed = false) {
    super(
      problems
        .map(({ message, path, hint }) => `${message}${hint ? ` (${hint})` : ''}${path && ` at ${path}`}`)
        .join('; '),
    );
    this.name = 'ResourceError';
    this.malformed = malformed;
  }
}

/** @throws ResourceError for bytes that are no such message */
export function parseResource<M extends Message>(typeName: string, bytes: Uint8Array): M {
  try {
    return fromBinary(messageType(typeName), bytes) as M;
  } catch {
    const message = `Unable to unpack as ${typeName}: the bytes are no such message`;
    throw new ResourceError([{ severity: 'error', file: '', path: '', message }], true);
  }
}

/**
 * Checks and reads a message.
 * @param where it stands in its resource, if it is not the resource itself
 * @throws ResourceError with every error
 */
export function loadResource<M extends Message, T>(
  message: M,
  read: (message: M, at: Place) => T,
  unknownFields: UnknownFields,
  where: (root: Place) => Place = (root) => root,
): LoadedResource<T> {
  const found = new Problems();
  const at = where(rootPlace(undefined, found));
  const type = messageType(message.$typeName);
  if (unknownFields !== 'ignore') checkUnexpectedFields(type, message, at, { allowUnknown: unknownFields === 'warn' });
  validate(type, message, at);
  const malformed = found.errors.length > 0;
  let config: T | undefined;
  try {
    config = at.attempt(() => read(message, at));
  } catch (error) {
    // Readers may trip over a message that breaks the rules of its type: that it does was noted before.
    if (found.errors.length === 0) throw error;
  }
  if (found.errors.length > 0 || config === undefined)
    throw new ResourceError(firstOfEachPlace(found.errors), malformed);
  return { config, warnings: found.warnings };
}

function firstOfEachPlace(errors: readonly Problem[]): Problem[] {
  const places = new Set<string>();
  return errors.filter(({ path }) => !places.has(path) && places.add(path));
}
