/**
 * How long the commands that look into a proxy take, whole processes from start to end, and what they need of memory: `npm run bench:cli`.
 * The small dump is a sidecar's of Istio, the large one has 10,000 clusters in 27 MB.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '#base/entry.ts';
import { goldenScenario } from '#testing/istioctl-golden.ts';

const ROUNDS = 9;
const CLUSTERS = 10_000;
/** What fills a cluster up to the size that 10,000 of them have 27 MB. */
const CLUSTER_BYTES = 2980;

interface Measure {
  name: string;
  args: string[];
  /** Seconds. */
  must: number;
  aim: number;
}

type Section = { '@type': string; dynamic_active_clusters?: { cluster: { name: string; metadata?: object } }[] };

function largeDump(small: { configs: Section[] }): object {
  const dump = structuredClone(small);
  const section = dump.configs.find(({ '@type': type }) => type.endsWith('.ClustersConfigDump')) as Section;
  const models = section.dynamic_active_clusters ?? [];
  const model = models.find(({ cluster }) => cluster.name.startsWith('outbound|9080|v1|')) ?? models[0];
  const filler = 'x'.repeat(Math.max(0, CLUSTER_BYTES - JSON.stringify(model).length));
  section.dynamic_active_clusters = Array.from({ length: CLUSTERS }, (_, i) => {
    const cluster = structuredClone(model.cluster);
    cluster.name = `outbound|${9000 + (i % 10)}|v${i % 3}|service-${i}.default.svc.cluster.local`;
    cluster.metadata = { filter_metadata: { filler: { text: filler } } };
    return { cluster };
  });
  section.dynamic_active_clusters.push(...models);
  return dump;
}

function measure({ args }: Measure): { seconds: number; megabytes: number } {
  const runs = Array.from({ length: ROUNDS }, () => {
    const started = performance.now();
    const run = spawnSync('/usr/bin/time', ['-f', '%M', join(packageRoot, 'bin/fairlead'), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.stderr}`);
    return {
      seconds: (performance.now() - started) / 1000,
      megabytes: Number(run.stderr.trim().split('\n').at(-1)) / 1024,
    };
  });
  return runs.sort((a, b) => a.seconds - b.seconds)[Math.floor(ROUNDS / 2)];
}

spawnSync(process.execPath, [...process.execArgv, join(packageRoot, 'tools/build.ts')], { stdio: 'inherit' });
const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
try {
  const [small, large] = [join(folder, 'small.json'), join(folder, 'large.json')];
  const dump = goldenScenario('bookinfo').inputs['productpage-v1.config_dump.json'] as { configs: Section[] };
  writeFileSync(small, JSON.stringify(dump));
  writeFileSync(large, JSON.stringify(largeDump(dump)));
  const measures: Measure[] = [
    { name: 'pc listeners, small dump', args: ['pc', 'listeners', '--file', small], must: 0.25, aim: 0.15 },
    { name: 'pc clusters, large dump', args: ['pc', 'clusters', '--file', large], must: 2, aim: 1 },
    { name: 'explain, small dump', args: ['explain', '--file', small, 'http://reviews:9080/'], must: 0.5, aim: 0.25 },
    { name: 'explain, large dump', args: ['explain', '--file', large, 'http://reviews:9080/'], must: 2, aim: 1 },
  ];
  console.log(`the large dump: ${(statSync(large).size / 2 ** 20).toFixed(1)} MB; median of ${ROUNDS}\n`);
  console.log('measure                      seconds   peak MB   must    aim');
  for (const each of measures) {
    const { seconds, megabytes } = measure(each);
    const verdict = seconds <= each.aim ? '' : seconds <= each.must ? '  over its aim' : '  TOO SLOW';
    if (seconds > each.must) process.exitCode = 1;
    const numbers = [seconds.toFixed(2), megabytes.toFixed(0), each.must.toFixed(2), each.aim.toFixed(2)];
    const [time, memory, must, aim] = numbers;
    console.log(
      `${each.name.padEnd(28)} ${time.padStart(7)} ${memory.padStart(9)} ${must.padStart(6)} ${aim.padStart(6)}${verdict}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
