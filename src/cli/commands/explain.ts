/**
 * `fairlead explain`: says where a request would go by a bootstrap, and why. It opens no socket and starts no proxy.
 */
import { readFileSync } from 'node:fs';
import type { Source } from '#api/source.ts';
import { type Command, UsageError } from '#cli/command.ts';
import { type ExplainOptions, parseExplainOptions } from '#cli/explain-options.ts';
import type { LoadedBootstrap } from '#config/load.ts';

/** No route takes the request, or the configuration is wrong. */
const NO_ROUTE = 1;

export const command: Command = {
  async run(args) {
    const options = await parseExplainOptions(args);
    if (options === undefined) return 0;
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
    return await tell(loaded, options);
  },

  async completions() {
    return [
      ...['--config-path', '--config-yaml', '--request', '--header', '--source', '--destination', '--sni', '--alpn'],
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

/** Prints the explanation. @returns the exit status. */
async function tell({ snapshot }: LoadedBootstrap, { query, output }: ExplainOptions): Promise<number> {
  const { explain, isRouted } = await import('#explain/explain.ts');
  let explanation: ReturnType<typeof explain>;
  try {
    explanation = explain(snapshot, query);
  } catch (error) {
    throw new UsageError((error as Error).message, 'explain');
  }
  if (output === 'json') process.stdout.write(`${JSON.stringify(explanation, undefined, 2)}\n`);
  else if (output === 'yaml') process.stdout.write((await import('yaml')).stringify(explanation));
  else {
    const { renderExplanation } = await import('#explain/render-explanation.ts');
    const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
    process.stdout.write(renderExplanation(explanation, { color }));
  }
  return isRouted(explanation) ? 0 : NO_ROUTE;
}
