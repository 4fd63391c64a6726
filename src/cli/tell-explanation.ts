/**
 * Asks for an explanation and prints it, in the form that was asked for.
 */
import { UsageError } from '#cli/command.ts';
import type { ExplainOptions } from '#cli/explain-options.ts';
import type { ExplainedConfiguration } from '#explain/configuration.ts';
import type { Explanation } from '#explain/explanation.ts';

/** No route takes the request. */
const NO_ROUTE = 1;

type Told = Pick<ExplainOptions, 'allHosts' | 'output' | 'query'>;

/** @returns the exit status. */
export async function tellExplanation(configuration: ExplainedConfiguration, options: Told): Promise<number> {
  if (options.allHosts) return await tellAllHosts(configuration, options);
  const { isRouted } = await import('#explain/explain.ts');
  const explanation = await explanationOf(configuration, options);
  if (options.output === 'text') {
    const { renderExplanation } = await import('#explain/render-explanation.ts');
    process.stdout.write(renderExplanation(explanation, { color: hasColor() }));
  } else await print(explanation, options.output);
  return isRouted(explanation) ? 0 : NO_ROUTE;
}

/** @throws UsageError for a query that cannot be. */
export async function explanationOf(configuration: ExplainedConfiguration, { query }: Told): Promise<Explanation> {
  const { explain } = await import('#explain/explain.ts');
  try {
    return explain(configuration, query);
  } catch (error) {
    throw new UsageError((error as Error).message, 'explain');
  }
}

async function tellAllHosts(configuration: ExplainedConfiguration, { output, query }: Told): Promise<number> {
  const { explainAllHosts } = await import('#explain/all-hosts.ts');
  const all = explainAllHosts(configuration, query);
  if (output !== 'text') await print(all, output);
  else {
    const { renderTable } = await import('#cli/writers/table.ts');
    const rows = all.map(({ listener, port, host, virtual_host, path, route, goes_to }) => [
      ...[String(port), host, path, goes_to, route, virtual_host],
      listener,
    ]);
    const heading = ['PORT', 'HOST', 'PATH', 'GOES TO', 'ROUTE', 'VIRTUAL HOST', 'LISTENER'];
    process.stdout.write(renderTable(heading, rows, { gap: 3, color: hasColor() }));
  }
  return all.length === 0 ? NO_ROUTE : 0;
}

export async function print(value: object, output: 'json' | 'yaml'): Promise<void> {
  if (output === 'json') process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  else process.stdout.write((await import('yaml')).stringify(value));
}

export function hasColor(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR;
}
