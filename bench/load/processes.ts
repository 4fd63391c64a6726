/**
 * What the system says of a process: CPU time and resident memory, from /proc. And programs, run to their end on one core.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TICK_MS = 10;

/** CPU time so far, of all threads, in milliseconds. */
export function cpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory in bytes. */
export function residentMemory(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** The core that the proxy has for itself, and the one of load and backend. */
export const PROXY_CORE = '0';
export const LOAD_CORE = '1';

/** Command and arguments that keep a program on a core. */
export function pinned(core: string, command: readonly string[]): string[] {
  return ['taskset', '-c', core, ...command];
}

/** Runs a program on the core of the load. @returns its standard output. */
export async function output(command: readonly string[]): Promise<string> {
  const [program, ...args] = pinned(LOAD_CORE, command);
  return (await run(program, args, { maxBuffer: 1 << 28 })).stdout;
}
