/** A config dump that is ready to be explained, with the extensions that run here. */
import { ConfigDump } from '#dump/config-dump.ts';
import { DumpReader } from '#dump/dump-reader.ts';
import { DumpConfiguration } from '#explain/dump/dump-configuration.ts';
import { resourcesOfDump } from '#explain/dump/dump-resources.ts';
import { extensionReaders } from '#proxy/extensions.ts';

/** @param clusters what /clusters?format=json says of the same proxy. */
export function explainedDump(root: unknown, clusters?: unknown): DumpConfiguration {
  const resources = resourcesOfDump(new ConfigDump(root, new DumpReader()));
  return new DumpConfiguration({ resources, clusters: clusters as never, extensions: extensionReaders() });
}
