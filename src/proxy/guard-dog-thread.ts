/**
 * Entry of the guard dog's thread. It does nothing but look, so it blocks between looks; the signal is that of abort(3), as Envoy's.
 */
import { workerData } from 'node:worker_threads';
import { configureLogging, logger } from '#base/logger.ts';
import type { GuardDogStart } from '#proxy/guard-dog.ts';
import { PackWatch } from '#proxy/guard-dog-watch.ts';

const { packs, logging } = workerData as GuardDogStart;
configureLogging(logging);
const log = logger('misc');
const now = () => performance.now();
const watches = packs.map((pack) => ({ watch: new PackWatch(pack, now()), interval: pack.interval, next: 0 }));
const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

for (;;) {
  for (const one of watches) {
    const time = now();
    if (time < one.next) continue;
    one.next = time + one.interval;
    const reason = one.watch.look(time);
    if (reason === undefined) continue;
    log.error(reason);
    process.kill(process.pid, 'SIGABRT');
  }
  Atomics.wait(never, 0, 0, Math.max(1, Math.min(...watches.map(({ next }) => next)) - now()));
}
