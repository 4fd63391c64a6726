/**
 * Runs a sample: starts its parts, says when they serve and what to try, shows the live table, and ends everything when
 * it is told to or when a part ends by itself.
 */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryPath } from '#base/entry.ts';
import { samplePath } from '#cli/sample/find-samples.ts';
import { adminIsLive, portsAccept, portsInUse, udpPortsBound, udpPortsInUse } from '#cli/sample/ports.ts';
import { type Ended, lastLines, Processes } from '#cli/sample/processes.ts';
import type { Part, Sample } from '#cli/sample/sample.ts';
import { watch } from '#cli/sample/watch.ts';

/** How a proxy is started in a sample: one worker, so that hosts take turns, and no long goodbye. */
const PROXY_FLAGS = ['--concurrency', '1', '--disable-hot-restart', '--drain-time-s', '1', '-l', 'warning'];
const LABEL_WIDTH = 20;
const LOG_LINES = 15;
const SIGNAL_MS = 50;

/** A program and its first arguments. */
export type ProgramLine = [program: string, ...args: string[]];

/**
 * @param proxy what runs a bootstrap, instead of Fairlead's own proxy: the path of an Envoy, for instance.
 * @returns the exit status.
 */
export async function runSample(name: string, sample: Sample, proxy?: ProgramLine): Promise<number> {
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

async function serve(
  name: string,
  sample: Sample,
  processes: Processes,
  logFolder: string,
  signal: AbortSignal,
  proxy?: ProgramLine,
): Promise<void> {
  for (const part of sample.parts) {
    const [program, ...args] = programOf(name, part, proxy);
    processes.start(part.label, program, args, part.kind === 'script' && part.shown === true);
  }
  for (const part of sample.parts) {
    await (part.kind === 'proxy' ? adminIsLive(part.adminPort, signal) : partServes(part, signal));
    say(`✓ ${part.label.padEnd(LABEL_WIDTH)}${part.says}`);
  }
  say('');
  for (const [index, line] of sample.tries.entries()) say(`  ${index === 0 ? 'try ' : '    '}  ${line}`);
  say(`  logs  ${logFolder}`);
  say('  stop  Ctrl-C');
  say('');
  if (sample.table !== undefined) await watch(sample.table, signal);
  else if (!signal.aborted) await once(signal, 'abort');
}

async function partServes({ ports, udpPorts = [] }: Part, signal: AbortSignal): Promise<void> {
  await portsAccept(ports, signal);
  await udpPortsBound(udpPorts, signal);
}

function programOf(name: string, part: Part, proxy: ProgramLine | undefined): ProgramLine {
  if (part.kind === 'script') return [process.execPath, ...process.execArgv, entryPath(`samples/${name}/${part.file}`)];
  const own: ProgramLine = [process.execPath, ...process.execArgv, process.argv[1], 'proxy'];
  return [...(proxy ?? own), '-c', samplePath(name, part.config), ...PROXY_FLAGS];
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
