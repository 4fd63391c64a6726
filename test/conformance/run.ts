/**
 * Runs the outside suites: `npm run conformance [WORD ...]`, only those whose names contain one of the words. They set themselves up; one
 * that cannot run here says why, and fails only where FAIRLEAD_CONFORMANCE=all.
 */
import type { Scope } from '#testing/scope.ts';
import { setUpConformance } from '../../tools/setup-tests.ts';
import { grpcInterop } from './grpc-interop.ts';
import { h2spec } from './h2spec.ts';
import { sslscan } from './sslscan.ts';
import { Missing, type Suite } from './suite.ts';
import { webSocket } from './websocket.ts';

const suites: readonly Suite[] = [webSocket, h2spec, grpcInterop, sslscan];

try {
  Object.assign(process.env, setUpConformance());
} catch (error) {
  console.log((error as Error).message);
}

const words = process.argv.slice(2);
let failed = false;
for (const suite of suites) {
  if (words.length > 0 && !words.some((word) => suite.name.includes(word))) continue;
  failed = !(await runOne(suite)) || failed;
}
process.exit(failed ? 1 : 0);

/** @returns whether all is well */
async function runOne(suite: Suite): Promise<boolean> {
  const stops: Parameters<Scope['after']>[0][] = [];
  const began = performance.now();
  try {
    const { passed, failures } = await suite.run({ after: (stop) => stops.unshift(stop) });
    const sign = failures.length === 0 ? '✔' : '✖';
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`${sign} ${suite.name}: ${passed} passed, ${failures.length} failed, ${seconds} s`);
    for (const failure of failures) console.log(`    ${failure}`);
    return failures.length === 0;
  } catch (error) {
    const missing = error instanceof Missing;
    console.log(`${missing ? '-' : '✖'} ${suite.name} did not run: ${(error as Error).message}`);
    return missing && process.env.FAIRLEAD_CONFORMANCE !== 'all';
  } finally {
    for (const stop of stops) await stop();
  }
}
