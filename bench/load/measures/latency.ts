/**
 * What a proxy adds to the 99th percentile at half of what Envoy can do at most.
 */
import { plainBootstrap } from '../bootstraps.ts';
import { p99AtRate, saturate } from '../generators.ts';
import { inManyTurns, inTurns, type Measure } from '../measure.ts';

/** As long as a proxy needs until it does not change any more. */
const WARM_SECONDS = 10;

export const latency: Measure = {
  name: 'latency',
  async run(bench) {
    const bootstrap = plainBootstrap(bench.backend);
    const peak = await inTurns({ ...bench, rounds: 1 }, ['envoy'], bootstrap, async ({ port }) => ({
      rps: (await saturate({ url: `http://127.0.0.1:${port}/`, seconds: bench.seconds })) / bench.seconds,
    }));
    const rate = peak.envoy.rps / 2;
    const { envoy, fairlead } = await inTurns(
      inManyTurns(bench),
      ['envoy', 'fairlead'],
      bootstrap,
      async ({ port }, _, stage) => {
        const [url, direct] = [port, bench.backend].map((to) => `http://127.0.0.1:${to}/`);
        await saturate({ url, seconds: WARM_SECONDS });
        const at = (target: string) => p99AtRate(stage, target, rate, bench.seconds);
        return { added: (await at(url)) - (await at(direct)) };
      },
    );
    return [
      {
        title: `added p99 latency at ${rate.toFixed(0)} requests/s`,
        values: { envoy: `${envoy.added.toFixed(0)} us`, fairlead: `${fairlead.added.toFixed(0)} us` },
        ratio: fairlead.added / envoy.added,
        must: 1,
        aim: 0.7,
        better: 'lower',
      },
    ];
  },
};
