/**
 * What a proxy adds to the 99th percentile at half of what Envoy can do at most.
 */
import { plainBootstrap } from '../bootstraps.ts';
import { p99AtRate, saturate } from '../generators.ts';
import { inTurns, type Measure } from '../measure.ts';
import { onStage } from '../stages.ts';

export const latency: Measure = {
  name: 'latency',
  async run(bench) {
    const bootstrap = plainBootstrap(bench.backend);
    const peak = await inTurns({ ...bench, rounds: 1 }, ['envoy'], bootstrap, async ({ port }) => ({
      rps: (await saturate({ url: `http://127.0.0.1:${port}/`, seconds: bench.seconds })) / bench.seconds,
    }));
    const rate = peak.envoy.rps / 2;
    const direct = await onStage((stage) =>
      p99AtRate(stage, `http://127.0.0.1:${bench.backend}/`, rate, bench.seconds),
    );
    const seen = await inTurns(bench, ['envoy', 'fairlead'], bootstrap, async ({ port }, _, stage) => {
      const url = `http://127.0.0.1:${port}/`;
      await saturate({ url, seconds: 2 });
      return { p99: (await p99AtRate(stage, url, rate, bench.seconds)) - direct };
    });
    return [
      {
        title: `added p99 latency at ${rate.toFixed(0)} requests/s`,
        values: { envoy: `${seen.envoy.p99.toFixed(0)} us`, fairlead: `${seen.fairlead.p99.toFixed(0)} us` },
        ratio: seen.fairlead.p99 / seen.envoy.p99,
        must: 1,
        aim: 0.7,
        better: 'lower',
      },
    ];
  },
};
