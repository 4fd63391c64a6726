/**
 * Messages of gRPC on bidirectional streams, 160 at a time on 8 connections, 100 bytes each. The load shares its core with the backend: what
 * counts is how many messages a second of the proxy's time carries.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Scope } from '#testing/scope.ts';
import { stopWith } from '../backend.ts';
import { http2Bootstrap } from '../bootstraps.ts';
import { inTurns, type Measure } from '../measure.ts';
import type { Peer } from '../peers.ts';
import { cpuTime, LOAD_CORE, output, pinned } from '../processes.ts';
import { onStage } from '../stages.ts';

const PEERS: readonly Peer[] = ['envoy', 'fairlead'];
const program = (name: string): string[] => [
  process.execPath,
  ...process.execArgv,
  join(import.meta.dirname, '..', name),
];

export const streams: Measure = {
  name: 'streams',
  run: async (bench) => {
    const seen = await onStage(async (shared) =>
      inTurns(bench, PEERS, http2Bootstrap(await startEcho(shared)), async ({ pid, port }) => {
        const load = (seconds: number) => output([...program('message-load.ts'), String(port), String(seconds)]);
        await load(1);
        const before = cpuTime(pid);
        const count = Number(await load(bench.seconds));
        return { us: ((cpuTime(pid) - before) * 1000) / count };
      }),
    );
    return [
      {
        title: 'gRPC bidirectional streaming, 100-byte messages: messages per second of CPU',
        values: Object.fromEntries(PEERS.map((peer) => [peer, (1e6 / seen[peer].us).toFixed(0)])),
        ratio: seen.envoy.us / seen.fairlead.us,
        must: 1.2,
        aim: 1.6,
        better: 'higher',
      },
    ];
  },
};

/** @returns its port. */
async function startEcho(scope: Scope): Promise<number> {
  const [command, ...args] = pinned(LOAD_CORE, program('echo-server.ts'));
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  stopWith(scope, child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(line.toString());
}
