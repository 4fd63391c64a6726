/**
 * Starts a proxy for a test, ours or real Envoy, on ports that the kernel chooses, waits until it is live, and ends it
 * with the test. What it wrote is in the error where it does not come up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AdminAnswer, AdminClient } from '#testing/admin-client.ts';
import { eventually } from '#testing/eventually.ts';
import { type ProxyKind, proxyCommand } from '#testing/proxy-command.ts';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { type WireClient, type WireOptions, wireClient } from '#testing/wire-client.ts';

/** Milliseconds: on a machine that does much else, a start may take long. */
const START_PATIENCE = 60_000;

export interface ProxyOptions {
  kind?: ProxyKind;
  /** Worker threads; 1 unless said. */
  concurrency?: number;
  /** More flags. */
  args?: string[];
  env?: Record<string, string>;
  /** Runs the proxy below another command, such as `taskset -c 0`. */
  under?: string[];
  /** Part in a hot restart: without it, hot restart is off. */
  hotRestart?: { baseId: number; epoch: number };
  /** Milliseconds between writes of access logs; 20 unless said. */
  flushInterval?: number;
  /** What `--log-level` gets; `error` unless said. */
  logLevel?: string;
}

/** Starts a proxy with a bootstrap: an object, or YAML text. An admin address is added where there is none. */
export async function startProxy(
  t: Scope,
  bootstrap: object | string,
  options: ProxyOptions = {},
): Promise<RunningProxy> {
  const folder = temporaryFolder(t);
  const config = join(folder, typeof bootstrap === 'string' ? 'bootstrap.yaml' : 'bootstrap.json');
  writeFileSync(config, typeof bootstrap === 'string' ? bootstrap : JSON.stringify(withAdmin(bootstrap)));
  const proxy = new RunningProxy(config, join(folder, 'admin-address'), options);
  t.after(() => proxy.kill());
  await proxy.live();
  return proxy;
}

function withAdmin(bootstrap: object): object {
  return { admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } }, ...bootstrap };
}

export class RunningProxy {
  readonly kind: ProxyKind;
  readonly pid: number;
  /** Settles with the exit status, or the signal's name. */
  readonly exited: Promise<number | string>;
  #admin: AdminClient | undefined;
  readonly #adminFile: string;
  readonly #process: ChildProcess;
  readonly #ports = new Map<string | undefined, number>();
  #output = '';
  #ended: number | string | undefined;

  constructor(config: string, adminFile: string, options: ProxyOptions) {
    this.kind = options.kind ?? 'fairlead';
    this.#adminFile = adminFile;
    const { hotRestart } = options;
    const [program, ...args] = [
      ...(options.under ?? []),
      ...proxyCommand(this.kind),
      ...['-c', config, '--concurrency', String(options.concurrency ?? 1), '-l', options.logLevel ?? 'error'],
      ...['--admin-address-path', adminFile, '--file-flush-interval-msec', String(options.flushInterval ?? 20)],
      ...(hotRestart
        ? ['--base-id', `${hotRestart.baseId}`, '--restart-epoch', `${hotRestart.epoch}`]
        : ['--disable-hot-restart']),
      ...(options.args ?? []),
    ];
    this.#process = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    this.pid = this.#process.pid ?? 0;
    this.#process.stdout?.on('data', (text: Buffer) => this.#heard(text));
    this.#process.stderr?.on('data', (text: Buffer) => this.#heard(text));
    this.exited = new Promise((resolve) => {
      const end = (how: number | string): void => {
        this.#ended ??= how;
        resolve(how);
      };
      this.#process.on('error', (error) => end(error.message));
      this.#process.on('close', (code, signal) => end(code ?? signal ?? 'unknown'));
    });
  }

  /** What it wrote to its standard output and error so far. */
  get output(): string {
    return this.#output;
  }

  get admin(): AdminClient {
    if (this.#admin === undefined) throw new Error('the proxy is not live yet');
    return this.#admin;
  }

  /** Waits until the admin API says LIVE. */
  async live(): Promise<void> {
    const isLive = async () => {
      if (this.#ended !== undefined)
        throw new Error(`${this.kind} ended (${this.#ended}) before it was live:\n${this.#output}`);
      const address = readIfThere(this.#adminFile);
      if (address === '') return false;
      this.#admin ??= new AdminClient(address);
      const ready = await this.#admin.get('/ready').catch(() => undefined);
      return ready?.body.startsWith('LIVE');
    };
    await eventually(`${this.kind} is live`, isLive, START_PATIENCE).catch((error: Error) => {
      throw this.#output === '' || error.message.includes(this.#output)
        ? error
        : new Error(`${error.message}\n${this.#output}`);
    });
  }

  /** @returns the port of a listener: of the first one where no name is given. */
  async listenerPort(name?: string): Promise<number> {
    const known = this.#ports.get(name);
    if (known !== undefined) return known;
    const port = await eventually(`listener ${name ?? ''} has a port`, () => this.admin.listenerPort(name));
    this.#ports.set(name, port);
    return port;
  }

  /** Connects to a listener: to the first one where no name is given. */
  async connect(name?: string, options?: WireOptions): Promise<WireClient> {
    return await wireClient(await this.listenerPort(name), options);
  }

  /** @returns a counter or a gauge; 0 where there is none of that name. */
  async stat(name: string): Promise<number> {
    return (await this.stats(`^${name.replaceAll('.', '\\.')}$`))[name] ?? 0;
  }

  stats(filter?: string): Promise<Record<string, number>> {
    return this.admin.stats(filter);
  }

  /** Waits until a counter or gauge has the value, or is what a test of it says. */
  async statBecomes(name: string, wanted: number | ((value: number) => boolean), patience?: number): Promise<void> {
    let last = 0;
    const holds = typeof wanted === 'number' ? (value: number) => value === wanted : wanted;
    const look = async (): Promise<boolean> => {
      last = await this.stat(name);
      return holds(last);
    };
    await eventually(`${name} becomes ${wanted}`, look, patience).catch((error: Error) => {
      throw new Error(`${error.message}; it is ${last}`);
    });
  }

  /** Waits until no connection is with listener filters: Envoy's gauges go down after its client has the answer. */
  async noneBeforeItsChain(): Promise<void> {
    await eventually('no connection is before its chain', async () =>
      Object.values(await this.stats('downstream_pre_cx_active')).every((active) => active === 0),
    );
  }

  get(path: string): Promise<AdminAnswer> {
    return this.admin.get(path);
  }

  signal(name: NodeJS.Signals): void {
    if (this.#ended === undefined) this.#process.kill(name);
  }

  /** Ends the proxy at once, and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  #heard(text: Buffer): void {
    this.#output += text.toString();
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
