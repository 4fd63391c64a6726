/**
 * Loads bootstraps for tests of their readers, without a data plane: network and HTTP filters are stand-ins that keep their messages.
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from '#api/problems.ts';
import { sourceOf } from '#api/source.ts';
import { type LoadedBootstrap, type LoadOptions, loadBootstrap } from '#config/load.ts';
import { type ExtensionReader, ExtensionReaders } from '#config/read/extensions.ts';

const NETWORK = 'envoy.extensions.filters.network';

const STAND_INS: ExtensionReader[] = [
  {
    name: 'envoy.filters.network.http_connection_manager',
    message: `${NETWORK}.http_connection_manager.v3.HttpConnectionManager`,
    category: 'network_filter',
    terminal: true,
    read: () => ({}),
  },
  {
    name: 'envoy.filters.network.connection_limit',
    message: `${NETWORK}.connection_limit.v3.ConnectionLimit`,
    category: 'network_filter',
    read: () => ({}),
  },
  ...['tls_inspector.v3.TlsInspector', 'original_dst.v3.OriginalDst', 'proxy_protocol.v3.ProxyProtocol'].map(
    (type): ExtensionReader => ({
      name: `envoy.filters.listener.${type.split('.')[0]}`,
      message: `envoy.extensions.filters.listener.${type}`,
      category: 'listener_filter',
      read: () => ({}),
    }),
  ),
];

/** @param readers instead of the stand-ins. */
export function loadOptions(changes: Partial<LoadOptions> = {}, readers = STAND_INS): LoadOptions {
  const extensions = new ExtensionReaders();
  for (const reader of readers) extensions.register(reader);
  const flags = { allowUnknownStaticFields: false, serviceNode: '', serviceCluster: '', serviceZone: '' };
  return { ...flags, extensions, files: (path) => readFileSync(path), ...changes };
}

/** @param tree a bootstrap as plain JSON. @throws ConfigError */
export function load(tree: unknown, options = loadOptions()): LoadedBootstrap {
  return loadBootstrap([sourceOf(JSON.stringify(tree), 'test.json', 'json')], options);
}

/** What is wrong with a bootstrap: `path: message` for each error; empty where nothing is. */
export function errorsOf(tree: unknown, options = loadOptions()): string[] {
  try {
    load(tree, options);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

export function warningsOf(tree: unknown, options = loadOptions()): string[] {
  return load(tree, options).problems.warnings.map(({ path, message }) => `${path}: ${message}`);
}
