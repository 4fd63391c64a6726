/**
 * A thousand versions of a listener, each with another filter chain, while requests come: how many of them fail.
 */

import { httpListener, staticCluster } from '#testing/bootstrap.ts';
import { dynamicBootstrap } from '#testing/dynamic-resources.ts';
import { ManagementServer, TYPES } from '#testing/management-server.ts';
import { startLoad } from '#testing/request-load.ts';
import { startProxy } from '#testing/start-proxy.ts';
import type { Measure } from '../load/measure.ts';
import { PROXY_CORE, pinned } from '../load/processes.ts';
import { onStage } from '../load/stages.ts';
import { CLIENTS, type Client, offTheProxysCore } from './fetched.ts';

const UPDATES = 1000;

export const listenerUpdates: Measure = {
  name: 'xds-listeners',
  async run({ backend }) {
    const seen = {} as Record<Client, { failed: number; completed: number }>;
    for (const peer of CLIENTS) seen[peer] = await updated(peer, backend);
    const text = (peer: Client) => `${seen[peer].failed} of ${seen[peer].completed.toLocaleString('en')}`;
    return [
      {
        title: '1,000 listener updates under load: failed requests of ours',
        values: { envoy: text('envoy'), fairlead: text('fairlead') },
        ratio: seen.fairlead.failed,
        must: 0,
        better: 'lower',
      },
    ];
  },
};

function updated(kind: Client, backend: number): Promise<{ failed: number; completed: number }> {
  return onStage(async (stage) => {
    offTheProxysCore(stage);
    const server = await ManagementServer.start(stage);
    server.serve('cluster', '1', [staticCluster('c', [backend])]);
    const serve = (version: number) =>
      server.serve('listener', String(version), [httpListener({ manager: { server_name: `v${version}` } })]);
    serve(1);
    const proxy = await startProxy(stage, dynamicBootstrap(server, 'ads'), {
      kind,
      logLevel: 'off',
      args: ['--drain-time-s', '2'],
      under: pinned(PROXY_CORE, []),
    });
    const load = startLoad(stage, { host: '127.0.0.1', port: await proxy.listenerPort('in') });
    for (let version = 2; version < 2 + UPDATES; version++) {
      serve(version);
      const taken = ({ type, version: seen }: { type: string; version: string }) =>
        type === TYPES.listener && seen === String(version);
      await server.requestWhere(`version ${version} is acknowledged`, taken);
      server.requests.length = 0;
    }
    await proxy.statBecomes('listener_manager.total_filter_chains_draining', 0);
    await load.stop();
    return { failed: load.failures.length, completed: load.completed };
  });
}
