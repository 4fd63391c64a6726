/**
 * `fairlead explain`: says where a request would go by a bootstrap, a config dump or a running proxy, and why. It starts no proxy, and opens no
 * socket but to an admin API that it is to ask.
 */
import { readFileSync } from 'node:fs';
import type { Source } from '#api/source.ts';
import type { Command } from '#cli/command.ts';
import { parseExplainOptions } from '#cli/explain-options.ts';
import type { LoadedBootstrap } from '#config/load.ts';
import type { ExplainedConfiguration } from '#explain/configuration.ts';

/** No route takes the request, or the configuration is wrong. */
const NO_ROUTE = 1;

export const command: Command = {
  async run(args) {
    const options = await parseExplainOptions(args);
    if (options === undefined) return 0;
    if (options.dump !== undefined) return await (await import('#cli/explain-dump.ts')).explainDump(options);
    const { loadSource, sourceOf } = await import('#api/source.ts');
    const { ConfigError } = await import('#api/problems.ts');
    const sources: Source[] = [];
    let loaded: LoadedBootstrap;
    try {
      if (options.configPath !== undefined) sources.push(loadSource(options.configPath));
      if (options.configYaml !== undefined) sources.push(sourceOf(options.configYaml, '--config-yaml'));
      loaded = await load(sources);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const { renderProblems } = await import('#api/render-problems.ts');
      process.stderr.write(`${renderProblems(error.problems, sources, { color: process.stderr.isTTY === true })}\n`);
      return NO_ROUTE;
    }
    const configuration = await configurationOf(loaded);
    return await (await import('#cli/tell-explanation.ts')).tellExplanation(configuration, options);
  },

  async completions() {
    return [
      ...['--config-path', '--config-yaml', '--request', '--header', '--source', '--destination', '--sni', '--alpn'],
      ...['--proxied', '--file', '--admin', '--clusters', '--diff', '--all-hosts', '--inbound', '--outbound', '--peer'],
      ...['--output', '--help'],
    ];
  },
};

async function load(sources: readonly Source[]): Promise<LoadedBootstrap> {
  const { loadBootstrap } = await import('#config/load.ts');
  const { extensionReaders } = await import('#proxy/extensions.ts');
  return loadBootstrap(sources, {
    allowUnknownStaticFields: false,
    serviceNode: '',
    serviceCluster: '',
    serviceZone: '',
    extensions: extensionReaders(),
    files: (path) => readFileSync(path),
  });
}

async function configurationOf({ bootstrap }: LoadedBootstrap): Promise<ExplainedConfiguration> {
  const [{ DumpConfiguration }, { resourcesOfBootstrap }, { extensionReaders }] = await Promise.all([
    import('#explain/dump/dump-configuration.ts'),
    import('#explain/dump/dump-resources.ts'),
    import('#proxy/extensions.ts'),
  ]);
  return new DumpConfiguration({ resources: resourcesOfBootstrap(bootstrap), extensions: extensionReaders() });
}
