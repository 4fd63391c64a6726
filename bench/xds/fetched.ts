/**
 * What the measures of discovery have in common: many resources, and a management server for the proxy that takes its turn.
 */
import { spawnSync } from 'node:child_process';
import { routeTo, staticCluster, virtualHost } from '#testing/bootstrap.ts';
import { rdsListener } from '#testing/dynamic-resources.ts';
import type { ManagementServer } from '#testing/management-server.ts';
import type { Scope } from '#testing/scope.ts';
import type { Peer } from '../load/peers.ts';
import { LOAD_CORE, PROXY_CORE } from '../load/processes.ts';

export type Client = Extract<Peer, 'envoy' | 'fairlead'>;
export const CLIENTS: readonly Client[] = ['envoy', 'fairlead'];
export const MANY = 10_000;

/** Keeps this process, which is the management server here, off the proxy's core until the end of the scope. */
export function offTheProxysCore(scope: Scope): void {
  const keep = (cores: string) => spawnSync('taskset', ['-a', '-c', '-p', cores, String(process.pid)]);
  keep(LOAD_CORE);
  scope.after(() => void keep(`${PROXY_CORE},${LOAD_CORE}`));
}

/** 10,000 clusters, and a listener whose table has as many virtual hosts; the ones asked for are `host-N.test`. */
export function serveMany(server: ManagementServer, backend: number): void {
  const numbers = Array.from({ length: MANY }, (_, i) => i);
  server.serve(
    'cluster',
    '1',
    numbers.map((i) => staticCluster(`cluster-${i}`, [backend])),
  );
  server.serve('listener', '1', [rdsListener('in', 'r', 'ads')]);
  serveTable(server, 1);
}

/** The table in a version of which one route is another's in each. */
export function serveTable(server: ManagementServer, version: number): void {
  const hosts = Array.from({ length: MANY }, (_, i) =>
    virtualHost(`h${i}`, [`host-${i}.test`], [routeTo('/', `cluster-${i === 7 ? version : i}`)]),
  );
  server.serve('route', String(version), [{ name: 'r', virtual_hosts: hosts }]);
}
