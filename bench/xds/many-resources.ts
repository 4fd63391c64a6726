/**
 * A proxy that fetches 10,000 clusters and a table of 10,000 virtual hosts: when it is ready, its memory, and what one changed route costs.
 */
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { dynamicBootstrap } from '#testing/dynamic-resources.ts';
import { eventually } from '#testing/eventually.ts';
import { ManagementServer, TYPES } from '#testing/management-server.ts';
import type { Measure } from '../load/measure.ts';
import { startPeer } from '../load/peers.ts';
import { cpuTime, residentMemory } from '../load/processes.ts';
import { onStage } from '../load/stages.ts';
import { CLIENTS, type Client, MANY, offTheProxysCore, serveMany, serveTable } from './fetched.ts';

const CHANGES = 12;
/** Stats are flushed every 5 s: the first time, when they are collected, is over. */
const SETTLED_MS = 7000;
const MB = 1024 * 1024;

interface Cost {
  /** From the start of the process, milliseconds. */
  ready: number;
  bytes: number;
  /** CPU of one changed route, milliseconds. */
  change: number;
}

export const manyResources: Measure = {
  name: 'xds-many',
  async run(bench) {
    const seen = {} as Record<Client, Cost>;
    for (const peer of CLIENTS) seen[peer] = await cost(peer, bench.backend);
    const { envoy, fairlead } = seen;
    const row = (title: string, text: (cost: Cost) => string, ratio: number, must: number, aim: number) => ({
      title,
      values: { envoy: text(envoy), fairlead: text(fairlead) },
      ratio,
      must,
      aim,
      better: 'lower' as const,
    });
    const what = '10,000 clusters and 10,000 virtual hosts by CDS and RDS';
    return [
      row(`${what}: time to ready`, ({ ready }) => `${ready.toFixed(0)} ms`, fairlead.ready / envoy.ready, 1.2, 0.8),
      row(
        `${what}: resident memory`,
        ({ bytes }) => `${(bytes / MB).toFixed(0)} MiB`,
        fairlead.bytes / envoy.bytes,
        1.2,
        0.8,
      ),
      row(
        'one route changed among 10,000 virtual hosts: CPU to apply',
        ({ change }) => `${change.toFixed(1)} ms`,
        fairlead.change / envoy.change,
        1,
        0.3,
      ),
    ];
  },
};

function cost(peer: Client, backend: number): Promise<Cost> {
  return onStage(async (stage) => {
    offTheProxysCore(stage);
    const server = await ManagementServer.start(stage);
    serveMany(server, backend);
    const began = performance.now();
    const { pid, port } = await startPeer(stage, peer, dynamicBootstrap(server, 'ads'), backend);
    await eventually('the last virtual host answers', () => status(port, `host-${MANY - 1}.test`));
    const ready = performance.now() - began;
    await pause(SETTLED_MS);
    const bytes = residentMemory(pid);
    const changes: number[] = [];
    for (let version = 2; version < 2 + CHANGES; version++) {
      const before = cpuTime(pid);
      await change(server, version);
      changes.push(cpuTime(pid) - before);
    }
    return { ready, bytes, change: middle(changes) };
  });
}

async function change(server: ManagementServer, version: number): Promise<void> {
  serveTable(server, version);
  const taken = ({ type, version: seen }: { type: string; version: string }) =>
    type === TYPES.route && seen === String(version);
  await server.requestWhere(`version ${version} is acknowledged`, taken);
  // The workers have it a moment later.
  await pause(200);
}

/** The mean without the third at either end: in some changes stats are flushed. */
function middle(values: number[]): number {
  const third = Math.floor(values.length / 3);
  const kept = values.sort((a, b) => a - b).slice(third, values.length - third);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

/** @returns whether the host is served. */
function status(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
