/**
 * Resident memory: after a million requests, and of idle connections.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { plainBootstrap } from '../bootstraps.ts';
import { saturate } from '../generators.ts';
import { inTurns, type Measure } from '../measure.ts';
import { residentMemory } from '../processes.ts';

const REQUESTS = 1_000_000;
const CONNECTIONS = 10_000;
const MB = 1024 * 1024;

export const afterLoad: Measure = {
  name: 'memory',
  async run(bench) {
    const seen = await inTurns(
      { ...bench, rounds: 1 },
      ['envoy', 'fairlead'],
      plainBootstrap(bench.backend),
      async ({ pid, port }) => {
        for (let sent = 0; sent < REQUESTS; ) sent += await saturate({ url: `http://127.0.0.1:${port}/`, seconds: 5 });
        return { bytes: residentMemory(pid) };
      },
    );
    return [
      {
        title: 'resident memory after 1 M requests, 1 worker',
        values: {
          envoy: `${(seen.envoy.bytes / MB).toFixed(0)} MiB`,
          fairlead: `${(seen.fairlead.bytes / MB).toFixed(0)} MiB`,
        },
        ratio: seen.fairlead.bytes / seen.envoy.bytes,
        must: 1.2,
        aim: 1,
        better: 'lower',
      },
    ];
  },
};

export const idleConnections: Measure = {
  name: 'idle',
  async run(bench) {
    const seen = await inTurns(
      { ...bench, rounds: 1 },
      ['envoy', 'fairlead'],
      plainBootstrap(bench.backend),
      async ({ pid, port }) => {
        await saturate({ url: `http://127.0.0.1:${port}/`, seconds: 2 });
        const before = residentMemory(pid);
        const sockets: Socket[] = [];
        for (let i = 0; i < CONNECTIONS; i++) sockets.push(await served(port));
        await pause(1000);
        const bytes = (residentMemory(pid) - before) / CONNECTIONS;
        for (const socket of sockets) socket.destroy();
        return { bytes };
      },
    );
    return [
      {
        title: '10,000 idle keep-alive connections, each',
        values: { envoy: `${seen.envoy.bytes.toFixed(0)} bytes`, fairlead: `${seen.fairlead.bytes.toFixed(0)} bytes` },
        ratio: seen.fairlead.bytes / seen.envoy.bytes,
        must: 0.7,
        aim: 0.5,
        better: 'lower',
      },
    ];
  },
};

/** A connection that had one answer. */
function served(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: bench\r\n\r\n'));
    socket.once('error', reject);
    socket.once('data', () => resolve(socket));
  });
}
