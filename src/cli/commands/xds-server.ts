/**
 * `fairlead xds-server DIR`: serves the Envoy resources in a directory to any xDS client, and says what the clients make of them.
 */
import type { Command as Program } from 'commander';
import type { Problem } from '#api/problems.ts';
import { countProblems, renderProblems } from '#api/render-problems.ts';
import { loadSource } from '#api/source.ts';
import { type Command, UsageError } from '#cli/command.ts';
import type { XdsEvent } from '#control/xds/events.ts';
import type { FoundResource } from '#control/xds/parse-resources.ts';
import { readDirectory, watchDirectory } from '#control/xds/resource-directory.ts';
import type { Snapshot } from '#control/xds/snapshot.ts';
import { SnapshotCache } from '#control/xds/snapshot-cache.ts';

const EXAMPLES = `
The directory holds YAML or JSON files of Envoy resources: each with its @type (alone, in a list, or as 'resources' of a discovery
response), or in lists by kind (clusters, endpoints, listeners, routes, secrets, ...). It is watched: each change is a new version.
A broken or inconsistent state is refused with its place, and clients keep the last good one.

Examples:
  fairlead xds-server ./resources                     on 127.0.0.1:18000: ADS and single services over gRPC, REST
  fairlead xds-server ./resources --host 0.0.0.0 --port 5678
  fairlead xds-server ./resources --check             only say whether the resources are good
`;

interface Options {
  host: string;
  port: string;
  check?: boolean;
}

export const command: Command = {
  async run(args) {
    const { Command } = await import('commander');
    const { parse } = await import('#cli/commander.ts');
    const program = describe(new Command('fairlead xds-server'));
    if (!parse(program, args, 'xds-server')) return 0;
    const options = program.opts<Options>();
    const [directory] = program.args;
    const port = Number(options.port);
    if (!/^\d+$/.test(options.port) || port > 65_535)
      throw new UsageError(`'${options.port}' is no port`, 'xds-server');
    return options.check ? await check(directory) : await serve(directory, options.host, port);
  },

  async completions() {
    return ['--host', '--port', '--check', '--help'];
  },
};

function describe(program: Program): Program {
  return program
    .description('Serves the Envoy resources in a directory to any xDS client, and watches it.')
    .argument('<directory>', 'where the resources are')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the port to listen on; 0 is any', '18000')
    .option('--check', 'read the directory once, say what is wrong with it, and end')
    .addHelpText('after', EXAMPLES);
}

/** @returns the exit status. */
async function check(directory: string): Promise<number> {
  let status = 0;
  readDirectory(directory, {
    onResources: (resources, warnings) => {
      tellProblems(warnings, []);
      status = publish(new SnapshotCache(), directory, resources) ? 0 : 1;
    },
    onProblems: (problems, files) => {
      tellProblems(problems, files);
      status = 1;
    },
  });
  return status;
}

/** Serves until it is told to end. @returns the exit status. */
async function serve(directory: string, host: string, port: number): Promise<number> {
  const { startXdsServer } = await import('#control/xds/xds-server.ts');
  const cache = new SnapshotCache();
  const listener = {
    onResources: (resources: FoundResource[], warnings: Problem[]) => {
      tellProblems(warnings, []);
      publish(cache, directory, resources);
    },
    onProblems: (problems: Problem[], files: string[]) => {
      tellProblems(problems, files);
      say(`refused   ${cache.get('') === undefined ? 'there is nothing to serve yet' : 'clients keep what they have'}`);
    },
  };
  const unwatch = watchDirectory(directory, listener);
  readDirectory(directory, listener);
  const server = await startXdsServer({ cache, host, port, onEvent: (event) => setImmediate(tellEvent, event) });
  say(`serving   gRPC and REST on ${host}:${server.port}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  unwatch();
  await server.close();
  return 0;
}

/** @returns whether it is what nodes get from now on. */
function publish(cache: SnapshotCache, directory: string, resources: FoundResource[]): boolean {
  const before = cache.get('');
  let snapshot: Snapshot;
  try {
    snapshot = cache.set('', resources);
  } catch (error) {
    process.stderr.write(`${(error as Error).message.replace(/^/gm, `${directory}: error: `)}\n`);
    if (before !== undefined) say('refused   clients keep what they have');
    return false;
  }
  if (snapshot === before) return true;
  const counts = [...snapshot.sets].flatMap(([typeUrl, { version, resources: all }]) =>
    all.size === 0 ? [] : [`${all.size} ${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} (version ${version})`],
  );
  say(`published ${counts.length === 0 ? 'nothing: there are no resources' : counts.join(', ')}`);
  return true;
}

function tellProblems(problems: readonly Problem[], files: readonly string[]): void {
  if (problems.length === 0) return;
  const sources = files.flatMap((file) => {
    try {
      return [loadSource(file)];
    } catch {
      return [];
    }
  });
  const text = renderProblems(problems, sources, { color: process.stderr.isTTY === true });
  process.stderr.write(`${text}\n${countProblems(problems)}\n`);
}

function tellEvent(event: XdsEvent): void {
  const node = event.node === '' ? '(no id)' : printable(event.node);
  if (event.kind === 'connected' || event.kind === 'disconnected')
    say(`${event.kind.padEnd(12)}  ${node}  ${event.how}`);
  else {
    const what = `${event.type.short} version ${printable(event.version)}`;
    if (event.kind === 'sent') say(`sent          ${node}  ${what}, ${event.count} resources`);
    else if (event.kind === 'ack') say(`ACK           ${node}  ${what}`);
    else say(`NACK          ${node}  ${what}: ${printable(event.message)}`);
  }
}

/** What clients send may hold anything. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => (character === '\n' ? '\n              ' : '�'));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
