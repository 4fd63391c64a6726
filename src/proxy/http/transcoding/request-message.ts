/**
 * A message of gRPC out of an HTTP request: from its body, the variables of its path, and its query.
 * Follows https://github.com/googleapis/googleapis/blob/master/google/api/http.proto ("Rules for HTTP mapping")
 */
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Registry,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import type { Binding } from '#proxy/http/transcoding/http-template.ts';

type JsonObject = { [name: string]: JsonValue };

/** The caller's mistake, for a 400. */
export class BadRequest extends Error {}

/** The body's JSON at its place, and the bindings beside. @param body of the rule: `*`, a field, or none */
export function requestMessage(
  type: DescMessage,
  registry: Registry,
  body: string,
  json: JsonValue | undefined,
  bindings: readonly Binding[],
): Uint8Array {
  let tree: JsonObject = {};
  if (json !== undefined && body === '*') {
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      throw new BadRequest(': Root element must be a message.');
    tree = json as JsonObject;
  } else if (json !== undefined && body !== '') put(type, tree, body.split('.'), json);
  for (const { field, value } of bindings) bind(type, tree, field, value);
  try {
    return toBinary(type, fromJson(type, tree, { registry, ignoreUnknownFields: true }));
  } catch (error) {
    throw new BadRequest(explained(type, (error as Error).message));
  }
}

/** As Envoy says it, where it is a value of another type. */
function explained(type: DescMessage, message: string): string {
  const found = /^cannot decode field \S+?\.(\w+) from JSON: .*?(?:got |: )("[^"]*"|\w+)(?: out of range)?$/.exec(
    message,
  );
  const field = found === null ? undefined : fieldOf(type, found[1]);
  if (found === null || field?.scalar === undefined) return message;
  const value = found[2].startsWith('"') ? found[2] : `"${found[2]}"`;
  return `${field.name}: invalid value ${value} for type TYPE_${ScalarType[field.scalar]}`;
}

/** The pairs of a query, decoded. @param plus whether it stands for a space */
export function queryBindings(query: string, plus: boolean): Binding[] {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return { field: decode(name, plus).split('.'), value: decode(value, plus) };
    });
}

function decode(text: string, plus: boolean): string {
  const spaced = plus ? text.replaceAll('+', ' ') : text;
  const bytes = spaced.replace(/%([0-9a-fA-F]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}

/** Whether a field of that path is there. */
export function hasField(type: DescMessage, path: readonly string[]): boolean {
  let message: DescMessage | undefined = type;
  for (const name of path) {
    const field: DescField | undefined = message && fieldOf(message, name);
    if (field === undefined) return false;
    message = field.message;
  }
  return true;
}

function fieldOf(type: DescMessage, name: string): DescField | undefined {
  return type.fields.find((field) => field.name === name || field.jsonName === name);
}

function put(type: DescMessage, tree: JsonObject, path: readonly string[], value: JsonValue): DescField {
  let message = type;
  let object = tree;
  for (const [i, name] of path.entries()) {
    const field = fieldOf(message, name);
    if (field === undefined) throw new BadRequest(`Could not find field "${name}" in the type "${message.typeName}".`);
    const key = field.name in object ? field.name : field.jsonName;
    if (i === path.length - 1) {
      if (field.fieldKind === 'list' && !Array.isArray(value)) {
        const before = object[key];
        object[key] = [...(Array.isArray(before) ? before : []), value];
      } else object[key] = value;
      return field;
    }
    if (field.message === undefined || field.fieldKind !== 'message')
      throw new BadRequest(`Could not find field "${path[i + 1]}" in the type "${field.name}".`);
    const below = object[key];
    const next: JsonObject = typeof below === 'object' && below !== null && !Array.isArray(below) ? below : {};
    object[key] = next;
    object = next;
    message = field.message;
  }
  throw new BadRequest('a field has no name');
}

function bind(type: DescMessage, tree: JsonObject, path: readonly string[], text: string): void {
  const field = lastField(type, path);
  put(type, tree, path, field === undefined ? text : jsonOf(field, text));
}

function lastField(type: DescMessage, path: readonly string[]): DescField | undefined {
  let message: DescMessage | undefined = type;
  let field: DescField | undefined;
  for (const name of path) {
    field = message && fieldOf(message, name);
    message = field?.message;
  }
  return field;
}

/** Text as JSON has it: booleans as such, enums by number where they are numbers. */
function jsonOf(field: DescField, text: string): JsonValue {
  if (field.scalar === ScalarType.BOOL || field.message?.typeName === 'google.protobuf.BoolValue') {
    if (text === 'true' || text === 'false') return text === 'true';
  }
  if (field.enum !== undefined && /^-?\d+$/.test(text)) return Number(text);
  return text;
}
