/**
 * Reads a part of somebody's configuration with the readers that the proxy reads its own with, and does not insist: what they refuse is taken
 * out and noted, until the rest can be read. What a request's way does not depend on is no reason not to explain it.
 */
import type { Message } from '@bufbuild/protobuf';
import { decode } from '#api/decode.ts';
import { type Place, rootPlace } from '#api/place.ts';
import { type Problem, Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { isObject, type JsonObject } from '#dump/dump-reader.ts';

/** Rounds: in each, everything that was refused is taken out. */
const MOST_ROUNDS = 25;

/** Steps whose field is the whole point of the item around it. */
const ESSENTIAL = new Set(['typed_config', 'config_discovery', 'type_url', 'value', '@type']);

/**
 * @param json is not changed.
 * @param note hears what was taken out, and why.
 * @returns undefined where nothing of it could be read.
 */
export function readLeniently<M extends Message, T>(
  typeName: string,
  json: JsonObject,
  read: (message: M, at: Place) => T,
  note: (what: string) => void,
): T | undefined {
  const type = messageType(typeName);
  const { '@type': _, ...fields } = json;
  const tree = structuredClone(fields) as Record<string, unknown>;
  for (let round = 0; ; round++) {
    const problems = new Problems();
    const at = rootPlace(undefined, problems);
    const message = decode<M>(type, tree, at, { allowUnknown: true });
    const result = attempt(() => read(message, at), at);
    const { errors } = problems;
    if (round === 0)
      for (const { message: what, path } of problems.warnings.filter(isUnknown)) note(`${path}: ${what}`);
    const removed = round === MOST_ROUNDS ? [] : errors.filter((problem) => remove(tree, stepsOf(problem)));
    for (const { path, message: what } of removed) note(`${path}: ${what}`);
    if (removed.length > 0) continue;
    for (const { path, message: what } of errors) note(`${path === '' ? type.name : path}: ${what}`);
    return result;
  }
}

/** What a newer Envoy has; other warnings are about how Fairlead would run it. */
function isUnknown({ message }: Problem): boolean {
  return /^no (field|value|enum)|is not known/.test(message);
}

/** Readers may trip over a message that breaks the rules of its type. */
function attempt<T>(read: () => T, at: Place): T | undefined {
  try {
    return at.attempt(read);
  } catch (error) {
    at.report(`not read: ${(error as Error).message}`);
    return undefined;
  }
}

function stepsOf({ path }: Problem): (string | number)[] {
  const steps = path.match(/[^.[\]"]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\]/g) ?? [];
  const found = steps.map((step) => {
    if (/^\[\d+\]$/.test(step)) return Number(step.slice(1, -1));
    return step.startsWith('["') ? (JSON.parse(step.slice(1, -1)) as string) : step;
  });
  while (found.length > 1 && ESSENTIAL.has(String(found.at(-1)))) found.pop();
  return found;
}

/** @returns whether there was something to remove. */
function remove(tree: Record<string, unknown>, steps: readonly (string | number)[]): boolean {
  let holder: unknown = tree;
  for (const step of steps.slice(0, -1)) holder = inside(holder, step);
  const last = steps.at(-1);
  if (Array.isArray(holder) && typeof last === 'number' && last < holder.length) {
    holder.splice(last, 1);
    return true;
  }
  if (!isObject(holder) || typeof last !== 'string') return false;
  const key = keyOf(holder, last);
  return key !== undefined && Reflect.deleteProperty(holder, key);
}

function inside(holder: unknown, step: string | number): unknown {
  if (Array.isArray(holder)) return typeof step === 'number' ? holder[step] : undefined;
  const key = isObject(holder) ? keyOf(holder, String(step)) : undefined;
  return key === undefined ? undefined : (holder as JsonObject)[key];
}

/** Places name fields as the proto files do; the JSON may have them in camel case. */
function keyOf(holder: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(holder, name)) return name;
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(holder, camel) ? camel : undefined;
}
