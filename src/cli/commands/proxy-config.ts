/**
 * `fairlead proxy-config`: what a proxy is configured with, in istioctl's words, flags and tables, from a saved dump or a running proxy, ours
 * or a real Envoy.
 * Follows https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-proxy-config
 */
import { closest } from '#base/closest.ts';
import { type Command, UsageError } from '#cli/command.ts';
import { renderDoubts, type Subcommand } from '#cli/commands/proxy-config/subcommand.ts';
import type { DumpSource } from '#cli/dump/read-source.ts';
import { refusal } from '#cli/dump/refusal.ts';
import { type FlagValues, flagsHelp, type ParsedFlags, parseFlags } from '#cli/flags.ts';
import type { Printed } from '#cli/printed.ts';
import { DumpError } from '#dump/dump-error.ts';
import { DumpReader } from '#dump/dump-reader.ts';

interface Entry {
  /** The first is the one that help shows. */
  readonly names: readonly string[];
  readonly summary: string;
  load(): Promise<Subcommand>;
}

const SUBCOMMANDS: readonly Entry[] = [
  {
    names: ['listeners', 'listener', 'l'],
    summary: 'addresses, what filter chains match and where they lead',
    load: async () => (await import('#cli/commands/proxy-config/listeners.ts')).subcommand,
  },
  {
    names: ['routes', 'route', 'r'],
    summary: 'route configurations: virtual hosts, domains, matches',
    load: async () => (await import('#cli/commands/proxy-config/routes.ts')).subcommand,
  },
  {
    names: ['clusters', 'cluster', 'c'],
    summary: 'clusters: host, port, subset, type',
    load: async () => (await import('#cli/commands/proxy-config/clusters.ts')).subcommand,
  },
  {
    names: ['endpoints', 'endpoint', 'ep'],
    summary: 'endpoints with their health, from /clusters?format=json',
    load: async () => (await import('#cli/commands/proxy-config/endpoints.ts')).subcommand,
  },
  {
    names: ['eds'],
    summary: 'endpoints as discovery told of them, from a dump with ?include_eds',
    load: async () => (await import('#cli/commands/proxy-config/eds.ts')).subcommand,
  },
  {
    names: ['bootstrap', 'b'],
    summary: 'the bootstrap; in short, the versions',
    load: async () => (await import('#cli/commands/proxy-config/bootstrap.ts')).subcommand,
  },
  {
    names: ['secret', 'secrets', 's'],
    summary: 'certificates and roots that came by SDS',
    load: async () => (await import('#cli/commands/proxy-config/secret.ts')).subcommand,
  },
  {
    names: ['ecds'],
    summary: 'configurations of filters that came by ECDS',
    load: async () => (await import('#cli/commands/proxy-config/ecds.ts')).subcommand,
  },
  {
    names: ['all', 'a'],
    summary: 'all of these; as JSON, the whole dump',
    load: async () => (await import('#cli/commands/proxy-config/all.ts')).subcommand,
  },
  {
    names: ['log', 'o'],
    summary: 'log levels of a running proxy, read or set',
    load: async () => (await import('#cli/commands/proxy-config/log.ts')).subcommand,
  },
];

const HELP = `Shows what a proxy is configured with, ours or a real Envoy: as istioctl does, with no cluster at hand.

Usage: fairlead proxy-config COMMAND (--file FILE | --admin HOST:PORT) [FLAG]...
       fairlead pc ...

Commands:
${SUBCOMMANDS.map(({ names, summary }) => `  ${names.join(', ').padEnd(25)} ${summary}`).join('\n')}

Each has more flags: fairlead proxy-config COMMAND --help
Exit status: 0 shown, 1 what was asked for is not there, 2 bad usage or input.

Examples:
  fairlead proxy-config listeners --admin localhost:15000
  curl 'localhost:15000/config_dump?include_eds' > dump.json
  fairlead pc clusters --file dump.json --fqdn reviews -o yaml
  curl 'localhost:15000/clusters?format=json' | fairlead pc endpoints --file - --status unhealthy
`;

export const command: Command = {
  async run(args) {
    const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
    const { status, out, err } = await proxyConfig(args, color);
    await written(out);
    process.stderr.write(err);
    return status;
  },

  async completions() {
    const flags = new Set<string>();
    for (const { load } of SUBCOMMANDS) for (const { name } of (await load()).flags) flags.add(`--${name}`);
    return [...SUBCOMMANDS.map(({ names }) => names[0]), ...flags, '--help'];
  },
};

/** @throws UsageError where no command is asked for, or one that there is not. */
export async function proxyConfig([name, ...args]: readonly string[], color: boolean): Promise<Printed> {
  if (name === undefined) throw new UsageError('which command?', 'proxy-config');
  if (name === '--help' || name === '-h') return { status: 0, out: HELP, err: '' };
  const entry = SUBCOMMANDS.find(({ names }) => names.includes(name));
  if (entry === undefined) throw unknown(name);
  const subcommand = await entry.load();
  if (args.includes('--help') || args.includes('-h'))
    return { status: 0, out: subcommandHelp(entry, subcommand), err: '' };
  try {
    const parsed = parseFlags(subcommand.flags, args);
    const source = sourceOf(parsed, subcommand);
    const reader = new DumpReader();
    const { text, status = 0 } = await subcommand.run({ values: parsed.values, source, reader, color });
    return { status, out: text, err: renderDoubts(reader) };
  } catch (error) {
    return refusal(error);
  }
}

function sourceOf({ values, given, positional }: ParsedFlags, { needs }: Subcommand): DumpSource {
  const { file, admin } = values as FlagValues & { file?: string; admin: string };
  if (positional.length > 0)
    throw new DumpError(`pods are not asked by name yet ('${positional[0]}'): use --file or --admin`);
  if (given.has('file') && given.has('admin')) throw new DumpError('--file cannot be combined with --admin');
  if (file !== undefined && file !== '') return { file };
  if (admin !== '') return { admin };
  throw new DumpError(`${needs}, or --admin HOST:PORT`);
}

function subcommandHelp({ names, summary }: Entry, { flags, examples }: Subcommand): string {
  const aliases = names.length === 1 ? '' : `\nAliases: ${names.join(', ')}\n`;
  return `Shows ${summary}.

Usage: fairlead proxy-config ${names[0]} [FLAG]...
${aliases}
Flags:
${flagsHelp(flags)}
Examples:
${examples.map((example) => `  fairlead proxy-config ${example}`).join('\n')}
`;
}

/** A reader that ends early, as \`head\` does, is no error. */
async function written(text: string): Promise<void> {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {});
  await new Promise((resolve) => process.stdout.write(text, resolve));
}

function unknown(name: string): UsageError {
  const meant = closest(
    name,
    SUBCOMMANDS.map(({ names }) => names[0]),
  );
  return new UsageError(
    `no command '${name}'${meant === undefined ? '' : ` (did you mean '${meant}'?)`}`,
    'proxy-config',
  );
}
