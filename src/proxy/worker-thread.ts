/**
 * Entry of a worker that has a thread of its own.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { configureLogging } from '#base/logger.ts';
import { compileStatsMatcher } from '#proxy/observe/stats/stats-matcher.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { scheduleAsLoop } from '#proxy/thread-scheduling.ts';
import { Worker } from '#proxy/worker.ts';
import type { FromWorker, ToWorker, WorkerStart } from '#proxy/worker-messages.ts';

const port = parentPort;
if (port === null) throw new Error('worker-thread runs as a worker thread');
const start = workerData as WorkerStart;
configureLogging(start.logging);
scheduleAsLoop();
const tell = (message: FromWorker) => port.postMessage(message);
const stats = new ThreadStats(start.snapshot.stats.matcher && compileStatsMatcher(start.snapshot.stats));
let scheduled = false;
stats.onPending = () => {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    tell({ kind: 'stats', definitions: stats.drainDefinitions() });
  });
};
try {
  const worker = new Worker(start, stats, tell);
  tell({ kind: 'stats', definitions: stats.drainDefinitions() });
  tell({ kind: 'ready' });
  port.on('message', (message: ToWorker) => void worker.handle(message));
} catch (error) {
  tell({ kind: 'cannot_start', message: (error as Error).message });
}
