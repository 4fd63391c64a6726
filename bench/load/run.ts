/**
 * `npm run bench`: our proxy beside real Envoy (and nginx and haproxy), the same load in one run, each alone on its core.
 *   npm run bench -- [--seconds N] [--rounds N] [MEASURE ...]
 * All measures together rewrite docs/performance.md.
 */
import { parseArgs } from 'node:util';
import { setUpBenchmarks } from '../../tools/setup-tests.ts';
import { endpointUpdate } from '../xds/endpoint-update.ts';
import { listenerUpdates } from '../xds/listener-updates.ts';
import { manyResources } from '../xds/many-resources.ts';
import { subscribers } from '../xds/subscribers.ts';
import { startBackend } from './backend.ts';
import { MANY_TURNS, type Measure, type Row } from './measure.ts';
import { bodies } from './measures/bodies.ts';
import { datagrams } from './measures/datagrams.ts';
import { handshakes } from './measures/handshakes.ts';
import { latency } from './measures/latency.ts';
import { afterLoad, idleConnections } from './measures/memory.ts';
import { routes, workers } from './measures/scale.ts';
import { start } from './measures/start.ts';
import { streams } from './measures/streams.ts';
import { tcp } from './measures/tcp.ts';
import { throughput } from './measures/throughput.ts';
import { holds, terminalTable, writePage } from './report.ts';
import { onStage } from './stages.ts';

const MEASURES: Measure[] = [
  ...throughput,
  streams,
  ...handshakes,
  bodies,
  ...tcp,
  latency,
  afterLoad,
  ...idleConnections,
  start,
  routes,
  workers,
  datagrams,
  subscribers,
  endpointUpdate,
  manyResources,
  listenerUpdates,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '3' } },
});
const unknown = positionals.filter((name) => !MEASURES.some((measure) => measure.name === name));
if (unknown.length > 0) {
  console.error(`no measure ${unknown.join(', ')}; there are ${MEASURES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
Object.assign(process.env, setUpBenchmarks());
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
const chosen = positionals.length === 0 ? MEASURES : MEASURES.filter(({ name }) => positionals.includes(name));

const rows = await onStage(async (stage) => {
  const backend = await startBackend(stage);
  const all: Row[] = [];
  for (const [i, measure] of chosen.entries()) {
    console.error(`[${i + 1}/${chosen.length}] ${measure.name}`);
    all.push(...(await measure.run({ backend, seconds, rounds })));
  }
  return all;
});
console.log(terminalTable(rows));
const how = `medians of ${rounds} turns of ${seconds} s for each proxy (${MANY_TURNS} where single ones spread widely: requests, bodies, latency), one worker, alone on one core; load and backend on the other`;
if (positionals.length === 0) writePage(rows, how);
process.exitCode = holds(rows) ? 0 : 1;
