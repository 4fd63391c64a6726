/**
 * `fairlead config-diff`: in what the configurations of two proxies differ, or those of one proxy at two times.
 */
import { existsSync } from 'node:fs';
import { type Command, UsageError } from '#cli/command.ts';
import { checkOutput, renderDoubts } from '#cli/commands/proxy-config/subcommand.ts';
import { type DumpSource, readSource } from '#cli/dump/read-source.ts';
import { refusal } from '#cli/dump/refusal.ts';
import { type Flag, flagsHelp, parseFlags } from '#cli/flags.ts';
import type { Printed } from '#cli/printed.ts';
import { ConfigDump } from '#dump/config-dump.ts';
import { DumpError } from '#dump/dump-error.ts';
import { DumpReader } from '#dump/dump-reader.ts';
import { parseJson } from '#dump/parse-json.ts';

const DIFFERENT = 1;

const FLAGS: readonly Flag[] = [
  { name: 'output', short: 'o', kind: 'text', value: 'FORM', help: 'short, json or yaml', initial: 'short' },
];

const HELP = `Says in what two configurations differ: resources that were added, removed or changed, and which fields.

Usage: fairlead config-diff A B [FLAG]...

A and B are each a saved dump of /config_dump?include_eds (- for standard input), or the admin address of a running proxy, HOST:PORT.
Order that means nothing is ignored, and so are times and versions.

Flags:
${flagsHelp(FLAGS)}
Exit status: 0 no difference, 1 they differ, 2 bad usage or input.

Examples:
  fairlead config-diff before.json after.json
  fairlead config-diff localhost:15000 dump.json -o json
  fairlead config-diff localhost:15000 localhost:16000
`;

export const command: Command = {
  async run(args) {
    const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
    const { status, out, err } = await configDiff(args, color);
    process.stdout.write(out);
    process.stderr.write(err);
    return status;
  },

  async completions() {
    return [...FLAGS.map(({ name }) => `--${name}`), '--help'];
  },
};

/** @throws UsageError where there are not two. */
export async function configDiff(args: readonly string[], color: boolean): Promise<Printed> {
  if (args.includes('--help') || args.includes('-h')) return { status: 0, out: HELP, err: '' };
  try {
    const { values, positional } = parseFlags(FLAGS, args);
    const [a, b, ...more] = positional;
    if (b === undefined || more.length > 0) throw new UsageError('needs two: files or admin addresses', 'config-diff');
    if (a === '-' && b === '-') throw new UsageError('standard input can be only one of the two', 'config-diff');
    const output = checkOutput(values.output as string);
    const [before, after] = await Promise.all([a, b].map(dumpOf));
    const { compareDumps } = await import('#cli/diff/compare-dumps.ts');
    const kinds = compareDumps(before, after);
    const err = [before, after].map(({ reader }) => renderDoubts(reader)).join('');
    return { status: kinds.length === 0 ? 0 : DIFFERENT, out: await shown(kinds, output, color), err };
  } catch (error) {
    return refusal(error);
  }
}

async function dumpOf(name: string): Promise<ConfigDump> {
  const source: DumpSource =
    name === '-' || existsSync(name) || !/^[^/]*:\d{1,5}$/.test(name) ? { file: name } : { admin: name };
  try {
    return new ConfigDump(parseJson(await readSource(source, '/config_dump?include_eds')), new DumpReader());
  } catch (error) {
    if (!(error instanceof DumpError) || error.message.includes(name)) throw error;
    throw new DumpError(`${name}: ${error.message}`);
  }
}

async function shown(
  kinds: Parameters<typeof import('#cli/writers/config-diff.ts').renderConfigDiff>[0],
  output: 'short' | 'json' | 'yaml',
  color: boolean,
): Promise<string> {
  if (output === 'short') return (await import('#cli/writers/config-diff.ts')).renderConfigDiff(kinds, { color });
  const { plainTree } = await import('#cli/writers/proto-tree.ts');
  const tree = plainTree(kinds);
  if (output === 'yaml') return (await import('#cli/writers/yaml-text.ts')).yamlText(tree);
  return `${(await import('#cli/writers/json-text.ts')).jsonText(tree)}\n`;
}
