/**
 * An assignment of 1,000 endpoints, half of them new each time, while requests come at a steady rate: how much longer the longest request of
 * an update takes than the longest of a time as long without one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { httpListener, type Json, socketAddress } from '#testing/bootstrap.ts';
import { dynamicBootstrap, edsCluster } from '#testing/dynamic-resources.ts';
import { anyOf, ManagementServer, TYPES } from '#testing/management-server.ts';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { startBackend } from '../load/backend.ts';
import type { Measure } from '../load/measure.ts';
import { startPeer } from '../load/peers.ts';
import { output } from '../load/processes.ts';
import { onStage } from '../load/stages.ts';
import { median } from '../median.ts';
import { CLIENTS, type Client, offTheProxysCore } from './fetched.ts';

const TYPE_PREFIX = 'type.googleapis.com/';
const ENDPOINTS = 1000;
const UPDATES = 15;
/** Time for an update, and as much before it without one. */
const WINDOW_MS = 300;
const PER_SECOND = 2000;
const CONNECTIONS = 20;

export const endpointUpdate: Measure = {
  name: 'xds-endpoints',
  async run() {
    const seen = {} as Record<Client, number>;
    for (const peer of CLIENTS) seen[peer] = await added(peer);
    const text = (ms: number) => `${ms.toFixed(1)} ms`;
    return [
      {
        title:
          'an EDS update of 1,000 endpoints, half of them new: longest delay it adds to a request, milliseconds of ours',
        values: { envoy: text(seen.envoy), fairlead: text(seen.fairlead) },
        ratio: seen.fairlead,
        must: 5,
        aim: 2,
        better: 'lower',
      },
    ];
  },
};

/** @returns milliseconds, the median of all updates. */
function added(peer: Client): Promise<number> {
  return onStage(async (stage) => {
    offTheProxysCore(stage);
    const addresses = loopback(ENDPOINTS * 1.5);
    const backend = await startBackend(stage, false, addresses);
    const server = await ManagementServer.start(stage);
    const assignments = [0, ENDPOINTS / 2].map((first) =>
      assignment(addresses.slice(first, first + ENDPOINTS), backend),
    );
    // Encoded before, so that the server's own work delays nothing.
    const [typeUrl, versions] = [TYPE_PREFIX + TYPES.endpoint, assignments.map((tree) => anyOf(TYPES.endpoint, tree))];
    server.serve('cluster', '1', [edsCluster('c', 'ads', { connect_timeout: '1s' })]);
    server.serve('listener', '1', [httpListener()]);
    server.serve('endpoint', '0', assignments.slice(0, 1));
    const { port } = await startPeer(stage, peer, dynamicBootstrap(server, 'ads'), backend);
    const seconds = 2 + Math.ceil((UPDATES * 2 * WINDOW_MS) / 1000);
    const requests = measured(stage, `http://127.0.0.1:${port}/`, seconds);
    await pause(1500);
    const times: number[] = [];
    for (let update = 0; update < UPDATES; update++) {
      await pause(WINDOW_MS);
      times.push(Date.now());
      server.push({ typeUrl, versionInfo: String(update + 1), resources: [versions[(update + 1) % 2]] });
      await pause(WINDOW_MS);
    }
    const all = await requests;
    const longest = (from: number) =>
      Math.max(0, ...all.filter(({ at }) => at >= from && at < from + WINDOW_MS).map(({ took }) => took));
    return median(times.map((at) => longest(at))) - median(times.map((at) => longest(at - WINDOW_MS)));
  });
}

/** When each request began (milliseconds since 1970) and what it took. */
async function measured(scope: Scope, url: string, seconds: number): Promise<{ at: number; took: number }[]> {
  const log = join(temporaryFolder(scope), 'requests');
  const rate = `--rps=${PER_SECOND / CONNECTIONS}`;
  await output(['h2load', '--h1', `-c${CONNECTIONS}`, '-t1', `-D${seconds}`, rate, `--log-file=${log}`, url]);
  return readFileSync(log, 'latin1')
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([, status]) => status === '200')
    .map(([at, , took]) => ({ at: Number(at) / 1000, took: Number(took) / 1000 }));
}

function loopback(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `127.1.${i >> 8}.${i & 255}`);
}

function assignment(addresses: readonly string[], port: number): Json {
  const hosts = addresses.map((address) => ({ endpoint: { address: socketAddress(port, address) } }));
  return { cluster_name: 'c', endpoints: [{ lb_endpoints: hosts }] };
}
