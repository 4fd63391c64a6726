/**
 * A command line from start to end: finds the command that is asked for, loads it and runs it. Nothing else is loaded, so that a quick
 * command is quick.
 */
import { UsageError } from '#cli/command.ts';
import { COMMANDS } from '#cli/command-table.ts';

const HELP = `fairlead: a service mesh in TypeScript that speaks Envoy and Istio

Usage: fairlead COMMAND [ARG]...

Commands:
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}

Options:
  -h, --help   this text; after a command, that command's own
  --version    versions of Fairlead, of the Envoy API that it speaks, and of its Node

Examples:
  fairlead sample front-proxy                      a front proxy with three services, to try
  fairlead proxy -c envoy.yaml                     run a bootstrap
  fairlead proxy -c envoy.yaml --mode validate     only check it
  fairlead explain -c envoy.yaml http://a.test/    where would that request go, and why?
  fairlead proxy-config listeners --admin localhost:15000
  fairlead completion bash > ~/.local/share/bash-completion/completions/fairlead
`;

/** Sets the exit status; a mistake in the command line is said on standard error. */
export async function runProgram(args: string[]): Promise<void> {
  // A proxy that runs goes on, whoever reads what it writes.
  if (args[0] !== 'proxy' || args.some((arg) => SAID.has(arg))) process.stdout.on('error', endWithReader);
  try {
    const status = await main(args);
    if (status !== undefined) process.exitCode = status;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const prefix = error.command === '' ? 'fairlead' : `fairlead ${error.command}`;
    process.stderr.write(`${prefix}: ${error.message}\nTry '${prefix} --help'.\n`);
    process.exitCode = 2;
  }
}

/** Flags of a proxy that are answered and done with. */
const SAID = new Set(['-h', '--help', '--version', '--hot-restart-version']);

/** Whoever read the output has seen enough, as `head` does. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

/** @returns the exit status. */
async function main(args: string[]): Promise<number | undefined> {
  const [name, ...rest] = args;
  if (name === undefined) throw new UsageError('which command?');
  if (name === '--help' || name === '-h') return say(HELP);
  if (name === '--version') return say(`${(await import('#base/version.ts')).versionLine()}\n`);
  if (name === 'help') return await main(rest.length === 0 ? ['--help'] : [rest[0], '--help']);

  const entry = COMMANDS.find((candidate) => candidate.name === name || candidate.aliases?.includes(name));
  if (entry === undefined) throw await unknown(name);
  const command = await entry.load();
  return await command.run(rest);
}

function say(text: string): undefined {
  process.stdout.write(text);
}

async function unknown(name: string): Promise<UsageError> {
  const { closest } = await import('#base/closest.ts');
  const kind = name.startsWith('-') ? 'option' : 'command';
  const known = kind === 'option' ? ['--help', '--version'] : COMMANDS.map((entry) => entry.name);
  const meant = closest(name, known);
  return new UsageError(`no ${kind} '${name}'${meant === undefined ? '' : ` (did you mean '${meant}'?)`}`);
}
