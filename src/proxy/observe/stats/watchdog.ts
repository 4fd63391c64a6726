/**
 * Notices when a thread's event loop stood still: a timer that comes late by the miss timeout counts as a miss, by the
 * mega-miss timeout as a mega miss. Nothing is killed.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/performance#watchdog
 */
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';

/** Envoy's defaults, in milliseconds. */
const MISS = 200;
const MEGA_MISS = 1000;
/** How often a thread shows that it is alive. */
const TOUCH = MISS / 2;

/** Counts of one thread and, as Envoy also keeps them, of its kind. */
export function watchdogStats(root: Scope, thread: string): { miss: Counter[]; megaMiss: Counter[] } {
  const kind = thread === 'main_thread' ? thread : 'workers';
  const scopes = [root.scope(kind), root.scope(`server.${thread}`)];
  return {
    miss: scopes.map((scope) => scope.counter('watchdog_miss')),
    megaMiss: scopes.map((scope) => scope.counter('watchdog_mega_miss')),
  };
}

/** Watches the thread that calls it. @param thread `main_thread` or `worker_<n>`. @returns a function that ends the watch. */
export function startWatchdog(root: Scope, thread: string, now: () => number = () => performance.now()): () => void {
  const { miss, megaMiss } = watchdogStats(root, thread);
  let touched = now();
  const timer = setInterval(() => {
    const time = now();
    const still = time - touched;
    touched = time;
    if (still >= MISS) for (const counter of miss) counter.inc();
    if (still >= MEGA_MISS) for (const counter of megaMiss) counter.inc();
  }, TOUCH);
  timer.unref();
  return () => clearInterval(timer);
}
