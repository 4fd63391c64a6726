/**
 * Bodies of one MiB, eight at a time: to the backend and back, and back alone.
 */
import { plainBootstrap } from '../bootstraps.ts';
import { megabyteScript, saturate } from '../generators.ts';
import { type Bench, inManyTurns, inTurns, type Measure, type Row } from '../measure.ts';
import { cpuTime } from '../processes.ts';

const WAYS = [
  { title: '1 MiB bodies both ways', uploads: true, goals: { must: 1, aim: 1.3 } },
  { title: '1 MiB bodies, answers alone', uploads: false, goals: {} },
];

export const bodies: Measure = {
  name: 'bodies',
  async run(bench) {
    const rows: Row[] = [];
    for (const { title, uploads, goals } of WAYS) {
      const { envoy, fairlead } = await carried(bench, uploads);
      rows.push(
        {
          title: `${title}: throughput`,
          values: { envoy: `${envoy.mib.toFixed(0)} MiB/s`, fairlead: `${fairlead.mib.toFixed(0)} MiB/s` },
          ratio: fairlead.mib / envoy.mib,
          ...goals,
          better: 'higher',
        },
        {
          title: `${title}: CPU per MiB`,
          values: { envoy: `${envoy.us.toFixed(0)} us`, fairlead: `${fairlead.us.toFixed(0)} us` },
          ratio: fairlead.us / envoy.us,
          better: 'lower',
        },
      );
    }
    return rows;
  },
};

/** MiB a second, and microseconds of CPU for each. */
function carried(bench: Bench, uploads: boolean) {
  const bootstrap = plainBootstrap(bench.backend);
  return inTurns(inManyTurns(bench), ['envoy', 'fairlead'], bootstrap, async ({ pid, port }, _, stage) => {
    const script = uploads ? { script: megabyteScript(stage) } : {};
    const load = { url: `http://127.0.0.1:${port}/big`, connections: 8, ...script };
    await saturate({ ...load, seconds: 1 });
    const before = cpuTime(pid);
    const mib = (await saturate({ ...load, seconds: bench.seconds })) * (uploads ? 2 : 1);
    return { mib: mib / bench.seconds, us: ((cpuTime(pid) - before) * 1000) / mib };
  });
}
