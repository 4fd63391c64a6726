/**
 * google.protobuf.Any: a message of any type with its type URL. A decoded one keeps the message, so that unpacking costs nothing and the
 * bytes are made only when somebody wants them.
 * Follows https://protobuf.dev/programming-guides/proto3/#any
 */
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { nearest } from '#api/field-names.ts';
import type { Place } from '#api/place.ts';
import { typeNames, typeOfUrl } from '#api/registry.ts';

/** A message taken out of its Any. Several callers may share it: it is not to be changed. */
export interface Unpacked<T extends Message = Message> {
  type: DescMessage;
  typeUrl: string;
  message: T;
}

const PREFIX = 'type.googleapis.com/';

/** An Any whose message is at hand; its bytes are made when first read. */
class DecodedAny {
  readonly $typeName = 'google.protobuf.Any';
  readonly typeUrl: string;
  readonly #content: Unpacked;
  #bytes: Uint8Array | undefined;

  constructor(content: Unpacked) {
    this.typeUrl = content.typeUrl;
    this.#content = content;
  }

  get value(): Uint8Array {
    this.#bytes ??= toBinary(this.#content.type, this.#content.message);
    return this.#bytes;
  }

  static contentOf(any: Any): Unpacked | undefined {
    return any instanceof DecodedAny ? any.#content : undefined;
  }
}

/** What an Any that came as bytes holds, for as long as the Any lives. */
const unpacked = new WeakMap<Any, Unpacked>();

/** @throws PlacedError for a type that we do not know and for bytes that are no such message. */
export function unpack(any: Any, at: Place): Unpacked {
  const content = contentOf(any);
  if (content !== undefined) return content;
  if (any.typeUrl === '') throw at.missing();
  const type = typeOfUrl(any.typeUrl);
  if (type === undefined) throw at.problem(...unknownType(any.typeUrl));
  throw at.problem(`these bytes are no ${type.typeName}`);
}

/** What the Any holds, or undefined if we cannot tell: nobody is told why. */
export function contentOf(any: Any): Unpacked | undefined {
  const known = DecodedAny.contentOf(any) ?? unpacked.get(any);
  if (known !== undefined) return known;
  const type = typeOfUrl(any.typeUrl);
  if (type === undefined) return undefined;
  try {
    const content = { type, typeUrl: any.typeUrl, message: fromBinary(type, any.value) };
    unpacked.set(any, content);
    return content;
  } catch {
    return undefined;
  }
}

/** @throws PlacedError, also when the message is of another type. */
export function unpackAs<T extends Message>(any: Any, typeName: string, at: Place): T {
  const { type, message } = unpack(any, at);
  if (type.typeName !== typeName) throw at.problem(`expected a ${typeName}, got a ${type.typeName}`);
  return message as T;
}

export function pack(type: DescMessage, message: Message): Any {
  return packAs(PREFIX + type.typeName, type, message);
}

/** Keeps the type URL as the user wrote it. */
export function packAs(typeUrl: string, type: DescMessage, message: Message): Any {
  // A class instance has the properties of an Any, which is all that protobuf-es asks of it.
  return new DecodedAny({ type, typeUrl, message }) as unknown as Any;
}

/** The words about a type URL that names nothing we know, and a hint at the nearest name. */
export function unknownType(typeUrl: string): [message: string, hint?: string] {
  const name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const last = name.slice(name.lastIndexOf('.') + 1);
  const namesakes = [...typeNames()].filter((known) => known.endsWith(`.${last}`));
  const near = nearest(name, typeNames()) ?? namesakes[0];
  const message = `unknown type '${typeUrl}'`;
  return near === undefined ? [message] : [message, `did you mean '${PREFIX}${near}'?`];
}
