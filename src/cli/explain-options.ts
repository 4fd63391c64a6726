/**
 * Reads the flags of `fairlead explain`.
 */
import { UsageError } from '#cli/command.ts';
import { parse } from '#cli/commander.ts';
import type { DumpSource } from '#cli/dump/read-source.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';

export interface ExplainOptions {
  configPath?: string;
  configYaml?: string;
  /** A saved config dump, or the admin address of a running proxy, in place of a bootstrap. */
  dump?: DumpSource;
  /** What `/clusters?format=json` said, beside a saved dump. */
  clusters?: string;
  /** Another dump or admin address, to compare with. */
  diff?: string;
  /** List where plain requests to each virtual host go, in place of one request. */
  allHosts: boolean;
  output: 'text' | 'json' | 'yaml';
  query: ExplainQuery;
}

const HELP = `
Exit status: 0 a route takes the request, 1 none does, the bootstrap is wrong, or --diff found a difference; 2 bad usage.

Examples:
  fairlead explain -c envoy.yaml http://shop.test:8000/cart
  fairlead explain -c envoy.yaml -X POST -H 'x-user: jason' http://shop.test:8000/cart
  fairlead explain -c envoy.yaml --destination 10.0.0.7:443 --source 192.168.1.9:5000 https://shop.test/
  fairlead explain -c envoy.yaml --sni shop.test --alpn h2 --alpn http/1.1 https://10.0.0.7/
  fairlead explain -c envoy.yaml -o json http://localhost:8000/ | jq .cluster.name
  fairlead explain --admin localhost:15000 http://reviews:9080/
  fairlead explain --file dump.json --inbound --peer spiffe://cluster.local/ns/default/sa/web http://10.244.1.7:9080/
  fairlead explain --file before.json --diff after.json http://reviews:9080/
  fairlead explain --admin localhost:15000 --all-hosts
`;

const OUTPUTS = ['text', 'json', 'yaml'] as const;

/** @returns undefined when help was asked for and printed. @throws UsageError */
export async function parseExplainOptions(args: readonly string[]): Promise<ExplainOptions | undefined> {
  const { Command, Option } = await import('commander');
  const program = new Command('fairlead explain')
    .description(
      'Says where a request would go by an Envoy bootstrap, a config dump or a running proxy, and why nothing nearer took it.',
    )
    .argument('[url]', 'the request: scheme, host, port, path and query')
    .option('-c, --config-path <file>', "the bootstrap's file, as for fairlead proxy")
    .option('--config-yaml <yaml>', 'YAML that is merged over the file')
    .option('--file <dump>', 'a saved /config_dump?include_eds, - for standard input')
    .option('--admin <host:port>', 'the admin address of a running proxy')
    .option('--clusters <file>', 'a saved /clusters?format=json beside the dump, for the health of hosts')
    .option('--diff <dump>', 'tell what another dump or admin address changes for this request')
    .option('--all-hosts', 'tell for each virtual host and port where plain requests go')
    .option('-X, --request <method>', "the request's method", 'GET')
    .option('-H, --header <header>', "a header, 'name: value'; as often as needed", gather)
    .option('--source <ip:port>', 'where the request comes from', '127.0.0.1')
    .option('--proxied <ip:port>', 'the client that a proxy in front tells by the PROXY protocol')
    .option('--destination <ip:port>', "where the connection arrives; the URL's host and port without it")
    .option('--inbound', 'the connection comes into a sidecar from outside')
    .option('--outbound', "the connection is the application's own, out of its sidecar")
    .option('--peer <identity>', 'the client is a sidecar of this identity (spiffe://...), in mutual TLS')
    .option('--sni <name>', "the name that TLS asks for; the URL's host without it")
    .option('--alpn <protocol>', 'a protocol that TLS offers; as often as needed', gather)
    .addOption(new Option('-o, --output <form>', 'how it is told').choices(OUTPUTS).default('text'))
    .addHelpText('after', HELP);
  if (!parse(program, args, 'explain')) return undefined;

  const flags = program.opts();
  const { file, admin, allHosts = false } = flags;
  const sources = [file, admin, flags.configPath ?? flags.configYaml].filter((given) => given !== undefined);
  if (sources.length === 0) throw wrong('needs a bootstrap: -c FILE, or a dump: --file FILE or --admin HOST:PORT');
  if (sources.length > 1) throw wrong('a bootstrap, --file and --admin exclude each other');
  const dump = file !== undefined ? { file } : admin !== undefined ? { admin } : undefined;
  if (program.args.length === 0 && !allHosts) throw wrong("missing required argument 'url'");
  if (program.args.length > 0 && allHosts) throw wrong('--all-hosts takes no URL');
  if ((flags.diff !== undefined || flags.clusters !== undefined) && dump === undefined)
    throw wrong('--diff and --clusters go with --file or --admin');
  if (flags.inbound && flags.outbound) throw wrong('--inbound and --outbound exclude each other');
  const query: ExplainQuery = {
    url: program.args[0] ?? '',
    method: flags.request,
    headers: (flags.header ?? []).map(headerOf),
    source: flags.source,
    proxied: flags.proxied,
    destination: flags.destination,
    direction: flags.inbound ? 'inbound' : flags.outbound ? 'outbound' : undefined,
    peer: flags.peer,
    serverName: flags.sni,
    alpn: flags.alpn ?? [],
  };
  const { configPath, configYaml, output, diff, clusters } = flags;
  return { configPath, configYaml, dump, clusters, diff, allHosts, output, query };
}

function wrong(message: string): UsageError {
  return new UsageError(message, 'explain');
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
