/**
 * The extensions that this proxy runs, as the configuration's readers see them.
 */
import type { Message } from '@bufbuild/protobuf';
import { dnsFilterReader } from '#config/read/dns-filter.ts';
import { type ExtensionReader, ExtensionReaders } from '#config/read/extensions.ts';
import { formatterReaders } from '#config/read/formatters.ts';
import { internalRedirectPredicates } from '#config/read/internal-redirect.ts';
import { routerReader } from '#config/read/router.ts';
import { udpProxyReader } from '#config/read/udp-proxy.ts';
import { httpFilters } from '#proxy/http/filters/index.ts';
import { listenerFilters } from '#proxy/listeners/filters/index.ts';
import { networkFilters } from '#proxy/network/filters/index.ts';

/** The reader of every filter that is registered. */
export function registeredExtensions(): ExtensionReader[] {
  const http = httpFilters.map(
    ({ name, message, config, perRoute }): ExtensionReader => ({
      name,
      message,
      category: 'http_filter',
      perRouteMessage: perRoute?.message,
      read: (typed: Message, at, context) => config(typed as never, at, context),
      ...(perRoute === undefined
        ? {}
        : { readPerRoute: (typed: Message, at, context) => perRoute.config(typed as never, at, context) }),
    }),
  );
  const network = networkFilters.map(
    ({ name, message, config, terminal = false }): ExtensionReader => ({
      name,
      message,
      category: 'network_filter',
      terminal,
      read: (typed: Message, at, context) => config(typed as never, at, context),
    }),
  );
  const listener = listenerFilters.map(
    ({ name, message, config }): ExtensionReader => ({
      name,
      message,
      category: 'listener_filter',
      read: (typed: Message, at, context) => config(typed as never, at, context),
    }),
  );
  return [
    ...http,
    routerReader,
    ...internalRedirectPredicates,
    ...formatterReaders,
    ...network,
    ...listener,
    dnsFilterReader,
    udpProxyReader,
  ];
}

export function extensionReaders(): ExtensionReaders {
  const readers = new ExtensionReaders();
  for (const reader of registeredExtensions()) readers.register(reader);
  return readers;
}
