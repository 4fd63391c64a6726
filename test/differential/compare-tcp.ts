/**
 * Runs one bootstrap and the same raw TCP exchanges through real Envoy and through ours, and compares what can be seen from outside: what the
 * exchange noted, lines of access log, stats. What varies from run to run is masked.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Json } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import type { WireClient, WireOptions } from '#testing/wire-client.ts';
import { both } from './attempted.ts';
import { LOG_FILE } from './subject.ts';

/** A TCP server whose every connection is a test's. */
export class TcpUpstream {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  /** Every byte that every connection sent, by connection. */
  readonly received: string[] = [];
  port = 0;

  constructor(serve: (socket: Socket) => void) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      const index = this.sockets.push(socket) - 1;
      this.received.push('');
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        this.received[index] += bytes.latin1Slice();
      });
      serve(socket);
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as { port: number }).port;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

export interface TcpActing {
  kind: ProxyKind;
  proxy: RunningProxy;
  upstreams: Record<string, TcpUpstream>;
  connect(listener?: string, options?: WireOptions): Promise<WireClient>;
  /** Something that was seen, to be compared. */
  note(text: string): void;
}

export interface TcpSubject {
  bootstrap(ports: Record<string, number>): Json;
  /** By name, what becomes of a connection. */
  upstreams?: Record<string, (socket: Socket) => void>;
  run(act: TcpActing): Promise<void>;
  /** The counters and gauges to compare in the end. */
  stats?: RegExp;
  /** How many lines of access log there will be in the file {@link LOG_FILE}. */
  lines?: number;
  concurrency?: number;
}

export interface TcpObservation {
  notes: string[];
  log: string[];
  stats: Record<string, number>;
}

/** A test that both say the same. */
export function alike(name: string, subject: TcpSubject): void {
  test(name, async (t) => void (await compareTcp(t, subject)));
}

export async function compareTcp(t: TestContext, subject: TcpSubject): Promise<TcpObservation> {
  const [envoy, ours] = await both(t, (kind) => observeTcp(t, subject, kind));
  if (process.env.FAIRLEAD_SHOW) t.diagnostic(JSON.stringify(envoy, null, 1));
  assert.deepEqual(ours, envoy);
  return envoy;
}

export async function observeTcp(t: TestContext, subject: TcpSubject, kind: ProxyKind): Promise<TcpObservation> {
  const upstreams: Record<string, TcpUpstream> = {};
  for (const [name, serve] of Object.entries(subject.upstreams ?? {})) {
    const upstream = new TcpUpstream(serve);
    await upstream.listen();
    t.after(() => upstream.stop());
    upstreams[name] = upstream;
  }
  const ports = Object.fromEntries(Object.entries(upstreams).map(([name, { port }]) => [name, port]));
  const file = join(temporaryFolder(t), 'access.log');
  const bootstrap = JSON.parse(JSON.stringify(subject.bootstrap(ports)).replaceAll(LOG_FILE, file)) as Json;
  const proxy = await startProxy(t, bootstrap, { kind, concurrency: subject.concurrency });
  const notes: string[] = [];
  const masks = new Map<number, string>(Object.entries(ports).map(([name, port]) => [port, name]));
  const wires: WireClient[] = [];
  const act: TcpActing = {
    kind,
    proxy,
    upstreams,
    note: (text) => notes.push(text),
    async connect(listener, options) {
      masks.set(await proxy.listenerPort(listener), listener ?? 'listener');
      const wire = await proxy.connect(listener, options);
      masks.set(wire.localPort, 'client');
      wires.push(wire);
      return wire;
    },
  };
  await subject.run(act);
  for (const wire of wires) wire.destroy();
  const mask = (text: string) =>
    text.replace(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:<${masks.get(Number(port)) ?? 'port'}>`);
  const log = await readLog(file, subject.lines ?? 0);
  const all = subject.stats === undefined ? {} : await proxy.stats();
  const stats = Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => subject.stats?.test(name))
      .map(([name, value]) => [mask(name), value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { notes: notes.map(mask), log: log.map(mask).sort(), stats };
}

async function readLog(file: string, lines: number): Promise<string[]> {
  if (lines === 0) return [];
  let text = '';
  await eventually(`${lines} lines of access log`, () => {
    text = readIfThere(file);
    return text.split('\n').length > lines;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; what there is: ${text}`);
  });
  return text.trimEnd().split('\n');
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
