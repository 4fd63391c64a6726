/**
 * `fairlead explain` on a config dump or a running proxy, and what another one changes.
 */
import { existsSync } from 'node:fs';
import { renderDoubts } from '#cli/commands/proxy-config/subcommand.ts';
import { type DumpSource, readSource } from '#cli/dump/read-source.ts';
import { refusal } from '#cli/dump/refusal.ts';
import type { ExplainOptions } from '#cli/explain-options.ts';
import { explanationOf, hasColor, print, tellExplanation } from '#cli/tell-explanation.ts';
import { ConfigDump } from '#dump/config-dump.ts';
import { DumpReader, isObject } from '#dump/dump-reader.ts';
import { parseJson } from '#dump/parse-json.ts';
import type { DumpConfiguration } from '#explain/dump/dump-configuration.ts';

const DIFFERENT = 1;

/** @returns the exit status. */
export async function explainDump(options: ExplainOptions): Promise<number> {
  try {
    const configuration = await configurationOf(options.dump as DumpSource, options.clusters);
    const status =
      options.diff === undefined
        ? await tellExplanation(configuration, options)
        : await tellDifference(configuration, options.diff, options);
    process.stderr.write(renderDoubts(configuration.reader));
    return status;
  } catch (error) {
    const { err, status } = refusal(error);
    process.stderr.write(err);
    return status;
  }
}

/** @throws DumpError */
async function configurationOf(source: DumpSource, clustersFile?: string): Promise<DumpConfiguration> {
  const [{ DumpConfiguration }, { resourcesOfDump }, { extensionReaders }] = await Promise.all([
    import('#explain/dump/dump-configuration.ts'),
    import('#explain/dump/dump-resources.ts'),
    import('#proxy/extensions.ts'),
  ]);
  const dump = new ConfigDump(parseJson(await readSource(source, '/config_dump?include_eds')), new DumpReader());
  const health = clustersFile === undefined ? source : { file: clustersFile };
  const clusters =
    'admin' in health || clustersFile !== undefined
      ? parseJson(await readSource(health, '/clusters?format=json'))
      : undefined;
  return new DumpConfiguration({
    resources: resourcesOfDump(dump),
    ...(isObject(clusters) ? { clusters } : {}),
    extensions: extensionReaders(),
  });
}

/** The second of two explanations, where it differs from the first. */
async function tellDifference(before: DumpConfiguration, name: string, options: ExplainOptions): Promise<number> {
  const { compareJson } = await import('#cli/diff/compare-json.ts');
  const source = existsSync(name) || !/^[^/]*:\d{1,5}$/.test(name) ? { file: name } : { admin: name };
  const after = await configurationOf(source);
  const explanations = [await explanationOf(before, options), await explanationOf(after, options)];
  const [first, second] = explanations.map(({ notes: _, ...explanation }) => explanation);
  const differences = compareJson(first, second);
  if (options.output !== 'text') await print(differences, options.output);
  else {
    const [{ renderExplanation }, { renderDifferences }] = await Promise.all([
      import('#explain/render-explanation.ts'),
      import('#cli/writers/config-diff.ts'),
    ]);
    const color = hasColor();
    process.stdout.write(renderExplanation(explanations[0], { color }));
    process.stdout.write(`\nby ${name}\n${renderDifferences(differences, { color })}`);
  }
  return differences.length === 0 ? 0 : DIFFERENT;
}
