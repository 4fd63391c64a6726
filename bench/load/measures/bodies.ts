/**
 * One MiB to the backend and one MiB back, eight at a time.
 */
import { plainBootstrap } from '../bootstraps.ts';
import { megabyteScript, saturate } from '../generators.ts';
import { inTurns, type Measure } from '../measure.ts';
import { cpuTime } from '../processes.ts';

export const bodies: Measure = {
  name: 'bodies',
  async run(bench) {
    const seen = await inTurns(
      bench,
      ['envoy', 'fairlead'],
      plainBootstrap(bench.backend),
      async ({ pid, port }, _, stage) => {
        const load = { url: `http://127.0.0.1:${port}/big`, connections: 8, script: megabyteScript(stage) };
        await saturate({ ...load, seconds: 1 });
        const before = cpuTime(pid);
        const count = await saturate({ ...load, seconds: bench.seconds });
        return { mib: (count * 2) / bench.seconds, us: ((cpuTime(pid) - before) * 1000) / (count * 2) };
      },
    );
    const { fairlead, envoy } = seen;
    return [
      {
        title: '1 MiB bodies both ways: throughput',
        values: { envoy: `${envoy.mib.toFixed(0)} MiB/s`, fairlead: `${fairlead.mib.toFixed(0)} MiB/s` },
        ratio: fairlead.mib / envoy.mib,
        must: 1,
        aim: 1.3,
        better: 'higher',
      },
      {
        title: '1 MiB bodies both ways: CPU per MiB',
        values: { envoy: `${envoy.us.toFixed(0)} us`, fairlead: `${fairlead.us.toFixed(0)} us` },
        ratio: fairlead.us / envoy.us,
        better: 'lower',
      },
    ];
  },
};
