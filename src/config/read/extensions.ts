/**
 * Readers of extensions: what turns the message in a `typed_config` into plain data. The data plane registers one for each extension that
 * it runs; the readers here know none by themselves.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/extension (an extension goes by its type URL, not by its name).
 */
import type { Message } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { unpack } from '#api/any.ts';
import { decode } from '#api/decode.ts';
import type { Place, PlacedError } from '#api/place.ts';
import { messageType, typeOfUrl } from '#api/registry.ts';
import type { ReadContext } from '#config/read/context.ts';

/** Where an extension may stand; names as in Envoy's list of extensions, without `envoy.`. */
export type ExtensionCategory =
  | 'http_filter'
  | 'upstream_http_filter'
  | 'network_filter'
  | 'listener_filter'
  | 'udp_listener_filter'
  | 'access_logger'
  | 'transport_socket'
  | 'formatter'
  | 'matching_input'
  | 'matching_action'
  | 'tracer'
  | 'stats_sink'
  | 'retry_host_predicate'
  | 'retry_priority'
  | 'internal_redirect_predicate'
  | 'rate_limit_descriptor'
  | 'request_id'
  | 'http_stateful_header_formatter';

/** Reads the configuration of one extension. What it returns goes into the snapshot: plain data. */
export interface ExtensionReader {
  /** Envoy's name: `envoy.filters.http.router`. */
  readonly name: string;
  /** Full name of the message that configures it. */
  readonly message: string;
  readonly category: ExtensionCategory;
  /** Must stand last in its chain, and nowhere else. */
  readonly terminal?: boolean;
  /** Full name of the message that configures it for a route or virtual host; {@link message} where that one serves both. */
  readonly perRouteMessage?: string;
  /** @param message of the type {@link message}: not to be changed. */
  read(message: Message, at: Place, context: ReadContext): unknown;
  /** @param message of the type {@link perRouteMessage}. Without this method the extension has nothing to say for routes. */
  readPerRoute?(message: Message, at: Place, context: ReadContext): unknown;
}

/** A message out of a `typed_config`, with the reader that knows it. */
export interface FoundExtension {
  reader: ExtensionReader;
  typeUrl: string;
  message: Message;
}

export class ExtensionReaders {
  readonly #byMessage = new Map<string, ExtensionReader[]>();
  readonly #byRouteMessage = new Map<string, ExtensionReader>();

  /** @throws when another reader of the same category has the message: a mistake of ours. */
  register(reader: ExtensionReader): this {
    const readers = this.#byMessage.get(reader.message) ?? [];
    if (readers.some((other) => other.category === reader.category)) {
      throw new Error(`two readers of ${reader.message} as ${reader.category}`);
    }
    this.#byMessage.set(reader.message, [...readers, reader]);
    if (reader.readPerRoute !== undefined) this.#byRouteMessage.set(reader.perRouteMessage ?? reader.message, reader);
    return this;
  }

  /** @param category tells two apart that are configured by one message; any will do without it. */
  find(typeName: string, category?: ExtensionCategory): ExtensionReader | undefined {
    const readers = this.#byMessage.get(typeName);
    return category === undefined ? readers?.[0] : readers?.find((reader) => reader.category === category);
  }

  /** The reader whose per-route configuration the message is. */
  findPerRoute(typeName: string): ExtensionReader | undefined {
    return this.#byRouteMessage.get(typeName);
  }

  *[Symbol.iterator](): Iterator<ExtensionReader> {
    for (const readers of this.#byMessage.values()) yield* readers;
  }
}

/**
 * The extension that a `typed_config` asks for, TypedStruct included.
 * @param name as the user called it, for the error.
 * @throws PlacedError for one that Envoy does not have, or that we do not run.
 */
export function findExtension(
  any: Any | undefined,
  name: string,
  category: ExtensionCategory,
  at: Place,
  context: ReadContext,
): FoundExtension {
  const { typeUrl, typeName, message } = extensionMessage(any, name, at, context);
  const reader = context.extensions.find(typeName, category);
  if (reader === undefined) throw unsupportedExtension(name, typeName, category, at);
  return { reader, typeUrl, message };
}

/** As {@link findExtension}, for the entry of a `typed_per_filter_config`. */
export function findPerRouteExtension(any: Any, name: string, at: Place, context: ReadContext): FoundExtension {
  const { typeUrl, typeName, message } = extensionMessage(any, name, at, context);
  const reader = context.extensions.findPerRoute(typeName);
  if (reader === undefined) throw unsupportedExtension(name, typeName, 'http_filter', at);
  return { reader, typeUrl, message };
}

/** Finds the extension and reads it. */
export function readExtension(
  any: Any | undefined,
  name: string,
  category: ExtensionCategory,
  at: Place,
  context: ReadContext,
): { reader: ExtensionReader; typeUrl: string; config: unknown } {
  const { reader, typeUrl, message } = findExtension(any, name, category, at, context);
  return { reader, typeUrl, config: reader.read(message, at, context) };
}

type TypedStruct = Message & { typeUrl: string; value?: Record<string, unknown> };

/**
 * The message that configures an extension; a TypedStruct is read as the message that it stands for.
 * @throws PlacedError when there is none, or it is of a type that Envoy does not have.
 */
export function extensionMessage(
  any: Any | undefined,
  name: string,
  at: Place,
  context: ReadContext,
): { typeUrl: string; typeName: string; message: Message } {
  if (any === undefined || any.typeUrl === '') {
    throw unknownExtension(name, '', at);
  }
  const { type, typeUrl, message } = unpack(any, at);
  if (type.typeName !== 'xds.type.v3.TypedStruct' && type.typeName !== 'udpa.type.v1.TypedStruct') {
    return { typeUrl, typeName: type.typeName, message };
  }
  const struct = message as TypedStruct;
  const meant = typeOfUrl(struct.typeUrl);
  if (meant === undefined) {
    throw unknownExtension(name, struct.typeUrl, at.field('type_url'));
  }
  const inner = decode<Message>(messageType(meant.typeName), struct.value ?? {}, at.field('value'), {
    allowUnknown: context.lenient,
  });
  return { typeUrl: struct.typeUrl, typeName: meant.typeName, message: inner };
}

/** Where Envoy keeps the messages of a category, for those that have a place of their own. */
const PACKAGES: Readonly<Record<string, string>> = {
  http_filter: 'envoy.extensions.filters.http.',
  network_filter: 'envoy.extensions.filters.network.',
  listener_filter: 'envoy.extensions.filters.listener.',
  udp_listener_filter: 'envoy.extensions.filters.udp.',
  access_logger: 'envoy.extensions.access_loggers.',
  transport_socket: 'envoy.extensions.transport_sockets.',
  regex_engine: 'envoy.extensions.regex_engines.',
  watchdog_action: 'envoy.extensions.watchdog.',
};

/**
 * The error that an extension of Envoy's is not run here; or, for a message that Envoy has no such extension for, that there is none.
 * @param category one of ours, or what people call it.
 */
export function unsupportedExtension(name: string, typeName: string, category: string, at: Place): PlacedError {
  const inPackage = PACKAGES[category];
  if (inPackage !== undefined && !typeName.startsWith(inPackage)) return unknownExtension(name, typeName, at);
  return at.problem(`${category.replaceAll('_', ' ')} '${name}' (${typeName}) is not supported by Fairlead yet`);
}

/** The error that Envoy has no such extension either. */
export function unknownExtension(name: string, typeName: string, at: Place): PlacedError {
  return at.problem(`Didn't find a registered implementation for '${name}' with type URL: '${typeName}'`);
}
