/**
 * The bootstrap, from the command line to a snapshot; and what is wrong with it, as people read it.
 */
import { readFileSync } from 'node:fs';
import type { ConfigError } from '#api/problems.ts';
import { renderProblems } from '#api/render-problems.ts';
import { loadSource, type Source, sourceOf } from '#api/source.ts';
import { logger } from '#base/logger.ts';
import { type LoadedBootstrap, loadBootstrap } from '#config/load.ts';
import { extensionReaders } from '#proxy/extensions.ts';
import type { ProxyOptions } from '#proxy/options.ts';

let sources: Source[] = [];

/** @throws ConfigError with every problem at once */
export function loadConfiguration(options: ProxyOptions): LoadedBootstrap {
  sources = [];
  if (options.configPath !== undefined) sources.push(loadSource(options.configPath));
  if (options.configYaml !== undefined) sources.push(sourceOf(options.configYaml, '--config-yaml'));
  const loaded = loadBootstrap(sources, {
    allowUnknownStaticFields: options.allowUnknownStaticFields,
    serviceNode: options.serviceNode,
    serviceCluster: options.serviceCluster,
    serviceZone: options.serviceZone,
    extensions: extensionReaders(),
    writesFiles: true,
    files: (path) => readFileSync(path),
  });
  const log = logger('config');
  if (!options.skipDeprecatedLogs)
    for (const warning of loaded.problems.warnings) log.warning(`${warning.path}: ${warning.message}`);
  return loaded;
}

/** Prints every problem with its place. */
export function reportProblems(error: ConfigError): void {
  process.stderr.write(`${renderProblems(error.problems, sources, { color: process.stderr.isTTY === true })}\n`);
}
