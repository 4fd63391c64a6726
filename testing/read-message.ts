/**
 * Runs one reader of configuration on a message that a test writes as plain JSON with Envoy's names.
 */
import type { Message } from '@bufbuild/protobuf';
import { decode } from '#api/decode.ts';
import { type Place, rootPlace } from '#api/place.ts';
import { type Problem, Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { type ReadContext, readContext } from '#config/read/context.ts';

export interface ReadMessage<T> {
  /** What the reader made of it; undefined where it gave up. */
  value: T | undefined;
  /** Errors, each as `path: message`. */
  errors: string[];
  warnings: string[];
}

export function readMessage<T>(
  typeName: string,
  tree: unknown,
  read: (message: never, at: Place, context: ReadContext) => T,
  given: Partial<ReadContext> = {},
): ReadMessage<T> {
  const problems = new Problems();
  const at = rootPlace(undefined, problems);
  const message = decode<Message>(messageType(typeName), tree, at);
  const value = at.attempt(() => read(message as never, at, readContext(given)));
  return { value, errors: problems.errors.map(told), warnings: problems.warnings.map(told) };
}

function told({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`;
}
