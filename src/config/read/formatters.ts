/**
 * Formatter extensions: operators that a format has besides those that are always there. Of Envoy's, `CEL` and `METADATA` are always there,
 * so their extensions add nothing.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#extension-command-operators
 */
import type { Message } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import { type ExtensionReader, extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { REQ_WITHOUT_QUERY_FORMATTER } from '#config/syntax/format-operators.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';

const PACKAGE = 'envoy.extensions.formatter.';

/** @returns the names of the extensions, for `checkFormat` */
export function readFormatters(
  messages: readonly TypedExtensionConfig[],
  at: Place,
  context: ReadContext,
): readonly string[] {
  return readAll(messages, at, ({ name, typedConfig }, place) => {
    const inPlace = place.field('typed_config');
    const { typeName, message } = extensionMessage(typedConfig, name, inPlace, context);
    if (!typeName.startsWith(PACKAGE)) throw inPlace.problem(`Formatter not found: ${name}`);
    const reader = context.extensions.find(typeName, 'formatter');
    if (reader === undefined) throw unsupportedExtension(name, typeName, 'formatter', inPlace);
    reader.read(message, inPlace, context);
    return reader.name;
  });
}

const checks = {
  'req_without_query.v3.ReqWithoutQuery': honours(
    'envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery',
    [],
  ),
  'metadata.v3.Metadata': honours('envoy.extensions.formatter.metadata.v3.Metadata', []),
  'cel.v3.Cel': honours('envoy.extensions.formatter.cel.v3.Cel', [], {
    refused: { cel_config: 'expressions have the standard functions alone' },
  }),
};

function formatter(name: string, message: keyof typeof checks): ExtensionReader {
  return {
    name,
    message: `${PACKAGE}${message}`,
    category: 'formatter',
    read: (typed: Message, at) => checks[message](typed, at),
  };
}

export const formatterReaders: readonly ExtensionReader[] = [
  formatter(REQ_WITHOUT_QUERY_FORMATTER, 'req_without_query.v3.ReqWithoutQuery'),
  formatter('envoy.formatter.metadata', 'metadata.v3.Metadata'),
  formatter('envoy.formatter.cel', 'cel.v3.Cel'),
];
