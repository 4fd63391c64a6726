/**
 * What many routes cost, and what a second worker brings.
 */
import { manyRoutes, plainBootstrap } from '../bootstraps.ts';
import { saturate } from '../generators.ts';
import { inTurns, type Measure } from '../measure.ts';
import { startPeer } from '../peers.ts';
import { cpuTime } from '../processes.ts';
import { onStage } from '../stages.ts';

export const routes: Measure = {
  name: 'routes',
  async run(bench) {
    const peers = ['envoy', 'fairlead'] as const;
    const cost = (bootstrap: object) =>
      inTurns(bench, peers, bootstrap, async ({ pid, port }) => {
        const load = { url: `http://127.0.0.1:${port}/route-9/x`, headers: ['Host: host-999.test'] };
        await saturate({ ...load, seconds: 2 });
        const before = cpuTime(pid);
        const count = await saturate({ ...load, seconds: bench.seconds });
        return { us: ((cpuTime(pid) - before) * 1000) / count };
      });
    const one = await cost(plainBootstrap(bench.backend));
    const many = await cost(plainBootstrap(bench.backend, { manager: manyRoutes() }));
    const slower = (peer: 'envoy' | 'fairlead') => many[peer].us / one[peer].us;
    return [
      {
        title: '1,000 virtual hosts x 10 routes: CPU per request over that of 1 route, ours',
        values: { envoy: slower('envoy').toFixed(2), fairlead: slower('fairlead').toFixed(2) },
        ratio: slower('fairlead'),
        must: 1.1,
        aim: 1.03,
        better: 'lower',
      },
    ];
  },
};

export const workers: Measure = {
  name: 'workers',
  async run(bench) {
    const rate = (concurrency: number) =>
      onStage(async (stage) => {
        const bootstrap = plainBootstrap(bench.backend);
        const { port } = await startPeer(stage, 'fairlead', bootstrap, bench.backend, { concurrency, free: true });
        const load = { url: `http://127.0.0.1:${port}/` };
        await saturate({ ...load, seconds: 2 });
        return (await saturate({ ...load, seconds: bench.seconds })) / bench.seconds;
      });
    const [one, two] = [await rate(1), await rate(2)];
    return [
      {
        title: '2 workers over 1, load on the same two cores: requests/s of ours',
        values: { fairlead: `${two.toFixed(0)} over ${one.toFixed(0)}` },
        ratio: two / one,
        better: 'higher',
      },
    ];
  },
};
