/**
 * Reads the flags of `fairlead explain`.
 */
import { UsageError } from '#cli/command.ts';
import { parse } from '#cli/commander.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';

export interface ExplainOptions {
  configPath?: string;
  configYaml?: string;
  output: 'text' | 'json' | 'yaml';
  query: ExplainQuery;
}

const HELP = `
Exit status: 0 a route takes the request, 1 none does or the bootstrap is wrong, 2 bad usage.

Examples:
  fairlead explain -c envoy.yaml http://shop.test:8000/cart
  fairlead explain -c envoy.yaml -X POST -H 'x-user: jason' http://shop.test:8000/cart
  fairlead explain -c envoy.yaml --destination 10.0.0.7:443 --source 192.168.1.9:5000 https://shop.test/
  fairlead explain -c envoy.yaml --sni shop.test --alpn h2 --alpn http/1.1 https://10.0.0.7/
  fairlead explain -c envoy.yaml -o json http://localhost:8000/ | jq .cluster.name
`;

const OUTPUTS = ['text', 'json', 'yaml'] as const;

/** @returns undefined when help was asked for and printed. @throws UsageError */
export async function parseExplainOptions(args: readonly string[]): Promise<ExplainOptions | undefined> {
  const { Command, Option } = await import('commander');
  const program = new Command('fairlead explain')
    .description(
      'Says where a request would go by an Envoy bootstrap, and why nothing nearer took it. Opens no socket.',
    )
    .argument('<url>', 'the request: scheme, host, port, path and query')
    .option('-c, --config-path <file>', "the bootstrap's file, as for fairlead proxy")
    .option('--config-yaml <yaml>', 'YAML that is merged over the file')
    .option('-X, --request <method>', "the request's method", 'GET')
    .option('-H, --header <header>', "a header, 'name: value'; as often as needed", gather)
    .option('--source <ip:port>', 'where the request comes from', '127.0.0.1')
    .option('--destination <ip:port>', "where the connection arrives; the URL's host and port without it")
    .option('--sni <name>', "the name that TLS asks for; the URL's host without it")
    .option('--alpn <protocol>', 'a protocol that TLS offers; as often as needed', gather)
    .addOption(new Option('-o, --output <form>', 'how it is told').choices(OUTPUTS).default('text'))
    .addHelpText('after', HELP);
  if (!parse(program, args, 'explain')) return undefined;

  const flags = program.opts();
  if (flags.configPath === undefined && flags.configYaml === undefined)
    throw new UsageError('needs a bootstrap: -c FILE', 'explain');
  const query: ExplainQuery = {
    url: program.args[0],
    method: flags.request,
    headers: (flags.header ?? []).map(headerOf),
    source: flags.source,
    destination: flags.destination,
    serverName: flags.sni,
    alpn: flags.alpn ?? [],
  };
  return { configPath: flags.configPath, configYaml: flags.configYaml, output: flags.output, query };
}

function gather(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** As curl reads them: `name: value`, and `name;` for an empty value. */
function headerOf(text: string): [string, string] {
  const parts = /^([^:;]+)(?::(.*)|;)$/s.exec(text);
  if (parts === null) throw new UsageError(`header '${text}' is not of the form 'name: value'`, 'explain');
  return [parts[1].trim(), parts[2]?.trim() ?? ''];
}
