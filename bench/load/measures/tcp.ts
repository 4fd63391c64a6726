/**
 * The TCP proxy: requests of HTTP carried without being looked at, and as many writes of 64 KiB as get through.
 */
import { spawn } from 'node:child_process';
import { bootstrap, type Json, socketAddress, staticCluster, typed } from '#testing/bootstrap.ts';
import { freePort } from '#testing/free-port.ts';
import type { Scope } from '#testing/scope.ts';
import { stopWith } from '../backend.ts';
import { saturate } from '../generators.ts';
import { inTurns, type Measure } from '../measure.ts';
import type { Peer } from '../peers.ts';
import { cpuTime, LOAD_CORE, output, pinned } from '../processes.ts';
import { onStage } from '../stages.ts';

const PEERS: readonly Peer[] = ['envoy', 'fairlead'];
const MIB = 1 << 20;
/** Programs that write at the same time. */
const WRITERS = 4;

function tcpBootstrap(port: number): Json {
  const config = typed('extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 't', cluster: 'c' });
  const filters = [{ name: 'envoy.filters.network.tcp_proxy', typed_config: config }];
  const listener = { name: 'in', address: socketAddress(0), filter_chains: [{ filters }] };
  return bootstrap([listener], [staticCluster('c', [port])]);
}

const carried: Measure = {
  name: 'tcp',
  async run(bench) {
    const { envoy, fairlead } = await inTurns(bench, PEERS, tcpBootstrap(bench.backend), async ({ pid, port }) => {
      const url = `http://127.0.0.1:${port}/`;
      await saturate({ url, seconds: 2 });
      const before = cpuTime(pid);
      const count = await saturate({ url, seconds: bench.seconds });
      return { perCpuSecond: (count * 1000) / (cpuTime(pid) - before) };
    });
    return [
      {
        title: 'TCP proxy, 64 connections, 60-byte answer: requests carried per CPU second',
        values: { envoy: envoy.perCpuSecond.toFixed(0), fairlead: fairlead.perCpuSecond.toFixed(0) },
        ratio: fairlead.perCpuSecond / envoy.perCpuSecond,
        must: 1,
        aim: 1.2,
        better: 'higher',
      },
    ];
  },
};

const streamed: Measure = {
  name: 'tcp-stream',
  async run(bench) {
    const { envoy, fairlead } = await onStage(async (stage) => {
      const sink = await startSink(stage);
      return await inTurns(bench, PEERS, tcpBootstrap(sink), async ({ pid, port, proxy }) => {
        const carriedBytes = () => proxy?.stat('tcp.t.downstream_cx_rx_bytes_total') ?? Promise.resolve(0);
        await write(port, 1);
        const [before, cpuBefore] = [await carriedBytes(), cpuTime(pid)];
        await write(port, bench.seconds);
        const mib = ((await carriedBytes()) - before) / MIB;
        return { rate: mib / bench.seconds, us: ((cpuTime(pid) - cpuBefore) * 1000) / mib };
      });
    });
    return [
      {
        title: 'TCP proxy, writes of 64 KiB: throughput',
        values: { envoy: `${envoy.rate.toFixed(0)} MiB/s`, fairlead: `${fairlead.rate.toFixed(0)} MiB/s` },
        ratio: fairlead.rate / envoy.rate,
        must: 0.8,
        aim: 1,
        better: 'higher',
      },
      {
        title: 'TCP proxy, writes of 64 KiB: CPU per MiB',
        values: { envoy: `${envoy.us.toFixed(0)} us`, fairlead: `${fairlead.us.toFixed(0)} us` },
        ratio: fairlead.us / envoy.us,
        better: 'lower',
      },
    ];
  },
};

export const tcp: readonly Measure[] = [carried, streamed];

/** Reads whatever comes and forgets it. @returns its port */
async function startSink(scope: Scope): Promise<number> {
  const port = await freePort();
  const listen = `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,backlog=64`;
  const [program, ...args] = pinned(LOAD_CORE, ['socat', '-u', '-b', '65536', listen, 'OPEN:/dev/null']);
  stopWith(scope, spawn(program, args, { stdio: 'ignore' }));
  return port;
}

async function write(port: number, seconds: number): Promise<void> {
  const writer = ['socat', '-u', '-b', '65536', 'OPEN:/dev/zero', `TCP:127.0.0.1:${port}`];
  const command = ['timeout', '--preserve-status', String(seconds), ...writer];
  // Ended by their time, which is no failure.
  await Promise.all(Array.from({ length: WRITERS }, () => output(command).catch(() => '')));
}
