/**
 * The UDP proxy: how many datagrams it sends on while more come than it can take, and the CPU time of those that go there and back.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bootstrap, socketAddress, typed } from '#testing/bootstrap.ts';
import type { Scope } from '#testing/scope.ts';
import { stopWith } from '../backend.ts';
import { type Bench, inTurns, type Measure, type Row } from '../measure.ts';
import type { Peer } from '../peers.ts';
import { cpuTime, LOAD_CORE, output, pinned } from '../processes.ts';
import { onStage } from '../stages.ts';

const WARM_SECONDS = 2;
const TITLE = 'UDP, 64 sessions, 100 bytes';
const SENT = 'cluster.c.udp.sess_tx_datagrams';
const PEERS: readonly Peer[] = ['envoy', 'fairlead'];
const PROGRAM = [
  fileURLToPath(new URL('../../../tools/node', import.meta.url)),
  fileURLToPath(new URL('../datagrams.ts', import.meta.url)),
];

export const datagrams: Measure = {
  name: 'udp',
  run: (bench) => onStage(async (stage) => [...(await flooded(bench, stage)), ...(await thereAndBack(bench, stage))]),
};

async function flooded(bench: Bench, stage: Scope): Promise<Row[]> {
  const backend = await startService(stage, 'sink');
  const { fairlead, envoy } = await inTurns(bench, PEERS, udpBootstrap(backend), async ({ port, proxy }) => {
    const sent = async () => (await proxy?.stat(SENT)) ?? 0;
    const load = (seconds: number) => output([...PROGRAM, 'flood', `${port}`, `${seconds}`]);
    await load(WARM_SECONDS);
    const before = await sent();
    await load(bench.seconds);
    return { rate: ((await sent()) - before) / bench.seconds };
  });
  const values = { envoy: envoy.rate.toFixed(0), fairlead: fairlead.rate.toFixed(0) };
  const ratio = fairlead.rate / envoy.rate;
  return [{ title: `${TITLE}: datagrams/s`, values, ratio, must: 0.6, aim: 1, better: 'higher' }];
}

async function thereAndBack(bench: Bench, stage: Scope): Promise<Row[]> {
  const backend = await startService(stage, 'echo');
  const { fairlead, envoy } = await inTurns(bench, PEERS, udpBootstrap(backend), async ({ pid, port }) => {
    const load = async (seconds: number) => Number(await output([...PROGRAM, 'load', `${port}`, `${seconds}`]));
    await load(WARM_SECONDS);
    const before = cpuTime(pid);
    const count = await load(bench.seconds);
    return { us: ((cpuTime(pid) - before) * 1000) / count };
  });
  const values = { envoy: `${envoy.us.toFixed(1)} us`, fairlead: `${fairlead.us.toFixed(1)} us` };
  return [{ title: `${TITLE} there and back: CPU`, values, ratio: fairlead.us / envoy.us, better: 'lower' }];
}

/** @returns its port. */
async function startService(scope: Scope, mode: 'echo' | 'sink'): Promise<number> {
  const [program, ...args] = pinned(LOAD_CORE, [...PROGRAM, mode]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  stopWith(scope, child);
  const [port] = await once(child.stdout, 'data');
  return Number(port);
}

function udpBootstrap(backend: number): object {
  const proxy = typed('extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', {
    stat_prefix: 'in',
    matcher: {
      on_no_match: {
        action: {
          name: 'route',
          typed_config: typed('extensions.filters.udp.udp_proxy.v3.Route', { cluster: 'c' }),
        },
      },
    },
  });
  const udp = (port: number) => ({
    socket_address: { ...(socketAddress(port).socket_address as object), protocol: 'UDP' },
  });
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: udp(backend) } }] }];
  return bootstrap(
    [{ name: 'in', address: udp(0), listener_filters: [{ name: 'udp', typed_config: proxy }] }],
    [{ name: 'c', load_assignment: { cluster_name: 'c', endpoints } }],
  );
}
