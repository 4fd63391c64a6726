/**
 * The processes that a sample starts, and their end. They stay in the group of this process, so that whoever ends the
 * group, a terminal or a supervisor, ends them too; this ends them one by one, by their ids.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How long a process may take to end before it is killed. */
const GRACE_MS = 3000;

/** A process ended that should run. */
export interface Ended {
  label: string;
  /** `exit status 1`, `signal SIGSEGV` or why it could not start. */
  how: string;
  logPath: string;
}

export class Processes {
  readonly #logFolder: string;
  readonly #running = new Map<ChildProcess, string>();
  readonly #ended = Promise.withResolvers<Ended>();
  #stopping = false;

  /** @param logFolder where each process has its output, in a file named after its label. */
  constructor(logFolder: string) {
    this.#logFolder = logFolder;
  }

  /** Resolves when the first of them ends without being told. */
  get ended(): Promise<Ended> {
    return this.#ended.promise;
  }

  /** @param shown what it prints goes to our own output, not to its log. @returns the path of its log. */
  start(label: string, program: string, args: readonly string[], shown = false): string {
    const logPath = join(this.#logFolder, `${label.replaceAll(' ', '-')}.log`);
    const log = openSync(logPath, 'a');
    // Its standard input closes when this process ends, however it ends.
    const child = spawn(program, args, { stdio: ['pipe', shown ? 'inherit' : log, log] });
    closeSync(log);
    this.#running.set(child, label);
    child.on('error', (error) => this.#end(child, { label, how: error.message, logPath }));
    child.on('exit', (status, signal) => {
      this.#end(child, { label, how: signal === null ? `exit status ${status}` : `signal ${signal}`, logPath });
    });
    return logPath;
  }

  /** Asks all to end, then makes them; resolves when none is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#signal('SIGTERM');
    const killing = setTimeout(() => this.kill(), GRACE_MS);
    await Promise.all([...this.#running.keys()].map((child) => new Promise((resolve) => child.once('exit', resolve))));
    clearTimeout(killing);
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const child of this.#running.keys()) child.kill(signal);
  }

  #end(child: ChildProcess, ended: Ended): void {
    this.#running.delete(child);
    if (!this.#stopping) this.#ended.resolve(ended);
  }
}

/** The last lines of a log: what a process said before it ended. */
export function lastLines(path: string, count: number): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
}
