/**
 * Loaded into a proxy with `--import`: on SIGUSR2 it collects all garbage and says how many bytes live, so that a test sees a leak and not
 * the collector's moods.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

if (isMainThread) {
  process.on('SIGUSR2', () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    process.stderr.write(`live bytes: ${heapUsed + external}\n`);
  });
}
