/**
 * The extensions that this proxy runs, as the configuration's readers see them.
 */
import type { Message } from '@bufbuild/protobuf';
import { ExtensionReaders } from '#config/read/extensions.ts';
import { httpFilters } from '#proxy/http/filters/index.ts';
import { tlsInspectorReader } from '#proxy/listeners/tls-inspector-reader.ts';

/** Readers of every filter that is registered. */
export function extensionReaders(): ExtensionReaders {
  const readers = new ExtensionReaders();
  for (const { name, message, config, perRoute } of httpFilters) {
    readers.register({
      name,
      message,
      category: 'http_filter',
      perRouteMessage: perRoute?.message,
      read: (typed: Message, at, context) => config(typed as never, at, context),
      ...(perRoute === undefined ? {} : { readPerRoute: (typed: Message, at, context) => perRoute.config(typed as never, at, context) }),
    });
  }
  readers.register(tlsInspectorReader);
  return readers;
}
