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

export const idleConnections: Measure[] = [
  idle({ name: 'idle', title: '10,000 idle keep-alive connections, each', served, must: 0.7, aim: 0.5 }),
  idle({ name: 'idle-h2', title: '10,000 idle HTTP/2 connections, each', served: servedHttp2, must: 1, aim: 0.7 }),
];

interface Idle {
  name: string;
  title: string;
  served(port: number): Promise<Socket>;
  must: number;
  aim: number;
}

function idle({ name, title, served, must, aim }: Idle): Measure {
  return {
    name,
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
      const text = (bytes: number) => `${bytes.toFixed(0)} bytes`;
      return [
        {
          title,
          values: { envoy: text(seen.envoy.bytes), fairlead: text(seen.fairlead.bytes) },
          ratio: seen.fairlead.bytes / seen.envoy.bytes,
          must,
          aim,
          better: 'lower',
        },
      ];
    },
  };
}

/** A connection that had one answer. */
function served(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: bench\r\n\r\n'));
    socket.once('error', reject);
    socket.once('data', () => resolve(socket));
  });
}

/** The preface, empty SETTINGS, and GET of / on stream 1. */
const GET_OVER_HTTP2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('000000040000000000', 'hex'),
  Buffer.from('00000a01050000000182868441', 'hex'),
  Buffer.from('\x05bench'),
]);

/** The same over HTTP/2. */
function servedHttp2(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(GET_OVER_HTTP2));
    socket.once('error', reject);
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.latin1Slice();
      // The backend's answer is digits.
      if (text.includes('0123456789')) resolve(socket);
    });
  });
}
