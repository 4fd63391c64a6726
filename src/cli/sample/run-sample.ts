/**
 * Runs a sample: starts its parts, says when they serve and what to try, shows the live table, and ends everything when
 * it is told to or when a part ends by itself.
 */
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryPath } from '#base/entry.ts';
import { samplePath } from '#cli/sample/find-samples.ts';
import { adminAnswers, adminIsLive, portsAccept, portsInUse, udpPortsBound, udpPortsInUse } from '#cli/sample/ports.ts';
import { type Ended, lastLines, Processes } from '#cli/sample/processes.ts';
import type { CommandPart, Part, Sample, Selection } from '#cli/sample/sample.ts';
import { watch } from '#cli/sample/watch.ts';

/** How a proxy is started in a sample: one worker, so that hosts take turns, and no long goodbye. */
const PROXY_FLAGS = ['--concurrency', '1', '--disable-hot-restart', '--drain-time-s', '1', '-l', 'warning'];
const LABEL_WIDTH = 20;
const LOG_LINES = 15;
const SIGNAL_MS = 50;

/** A program and its first arguments. */
export type ProgramLine = [program: string, ...args: string[]];

export interface SampleOptions {
  /** What runs a bootstrap, instead of Fairlead's own proxy: the path of an Envoy, for instance. */
  proxy?: ProgramLine;
  selection: Selection;
}

/** @returns the exit status. */
export async function runSample(name: string, whole: Sample, { proxy, selection }: SampleOptions): Promise<number> {
  const sample = select(whole, selection);
  const ports = sample.parts.flatMap((part) => part.ports).sort((a, b) => a - b);
  const udpPorts = sample.parts.flatMap((part) => part.udpPorts ?? []);
  const taken = [...(await portsInUse(ports)), ...(await udpPortsInUse(udpPorts))];
  if (taken.length > 0) {
    process.stderr.write(`fairlead sample: these ports are in use: ${taken.join(', ')} (does a sample run already?)\n`);
    return 1;
  }

  const logFolder = mkdtempSync(join(tmpdir(), `fairlead-${name}-`));
  const processes = new Processes(logFolder);
  const stopping = new AbortController();
  const onSignal = () => {
    if (stopping.signal.aborted) processes.kill();
    stopping.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);

  let failure: Ended | undefined;
  processes.ended.then(async (ended) => {
    // Ctrl-C reaches every process of the terminal, and theirs may end before ours hears of it.
    await sleep(SIGNAL_MS);
    if (!stopping.signal.aborted) failure = ended;
    stopping.abort();
  });
  try {
    await serve(name, sample, processes, logFolder, stopping.signal, proxy);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    await processes.stop();
  }
  if (failure === undefined) {
    rmSync(logFolder, { recursive: true });
    return 0;
  }
  const { label, how, logPath } = failure as Ended;
  process.stderr.write(
    `\nfairlead sample: ${label} ended (${how}); its log, ${logPath}:\n${lastLines(logPath, LOG_LINES)}\n`,
  );
  return 1;
}

function select(sample: Sample, selection: Selection): Sample {
  const { parts, tries, serverTries = [] } = sample;
  if (selection === 'all') return { ...sample, tries: [...tries, ...serverTries] };
  const server = selection === 'only-server';
  const chosen = parts.filter((part) => (part.server ?? false) === server);
  return { ...sample, parts: chosen, tries: server ? serverTries : tries, table: server ? undefined : sample.table };
}

async function serve(
  name: string,
  sample: Sample,
  processes: Processes,
  logFolder: string,
  signal: AbortSignal,
  proxy?: ProgramLine,
): Promise<void> {
  const start = (part: Part) => {
    const [program, ...args] = programOf(name, part, logFolder, proxy);
    processes.start(part.label, program, args, part.kind !== 'proxy' && part.shown === true);
  };
  for (const part of sample.parts) if (!startsLast(part)) start(part);
  for (const part of sample.parts) {
    if (startsLast(part)) start(part);
    await serves(part, signal);
    say(`✓ ${part.label.padEnd(LABEL_WIDTH)}${part.says}`);
  }
  say('');
  for (const [index, line] of sample.tries.entries()) {
    say(`  ${index === 0 ? 'try ' : '    '}  ${line.replace(RESOURCES, resourcesIn(logFolder))}`);
  }
  say(`  logs  ${logFolder}`);
  say('  stop  Ctrl-C');
  say('');
  if (sample.table !== undefined) await watch(sample.table, signal);
  else if (!signal.aborted) await once(signal, 'abort');
}

/** It asks for its configuration once, and again only after a while. */
function startsLast(part: Part): boolean {
  return part.kind === 'proxy' && part.waitsForServer === true;
}

async function serves(part: Part, signal: AbortSignal): Promise<void> {
  if (part.kind === 'proxy') return await (part.waitsForServer ? adminAnswers : adminIsLive)(part.adminPort, signal);
  await portsAccept(part.ports, signal);
  await udpPortsBound(part.udpPorts ?? [], signal);
}

function programOf(name: string, part: Part, logFolder: string, proxy: ProgramLine | undefined): ProgramLine {
  if (part.kind === 'script') return [process.execPath, ...process.execArgv, entryPath(`samples/${name}/${part.file}`)];
  const own = (...args: string[]): ProgramLine => [process.execPath, ...process.execArgv, process.argv[1], ...args];
  if (part.kind === 'command') return own(...argumentsOf(name, part, logFolder));
  return [...(proxy ?? own('proxy')), '-c', samplePath(name, part.config), ...PROXY_FLAGS];
}

function argumentsOf(name: string, { args, copies }: CommandPart, logFolder: string): string[] {
  const copy = resourcesIn(logFolder);
  cpSync(samplePath(name, copies), copy, { recursive: true });
  return args.map((arg) => arg.replace(RESOURCES, copy));
}

/** Stands in a sample for the folder that its management server serves. */
const RESOURCES = 'RESOURCES';

function resourcesIn(logFolder: string): string {
  return join(logFolder, 'resources');
}

/** @param line as typed: the path of a program, or a program and its arguments with spaces between. */
export function programLine(line: string): ProgramLine {
  if (existsSync(line)) return [line];
  const [program, ...args] = line.trim().split(/\s+/);
  return [program, ...args];
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
