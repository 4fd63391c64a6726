/**
 * Notices when a thread's event loop stood still: a timer that comes late by the miss timeout counts as a miss, by the
 * mega-miss timeout as a mega miss. It also shows others that the thread moves: the guard dog ends the process where one does not.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/performance#watchdog
 */
import type { WatchdogConfig } from '#config/model/watchdog.ts';
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';

/** Counts of one thread and, as Envoy also keeps them, of its kind. */
export function watchdogStats(root: Scope, thread: string): { miss: Counter[]; megaMiss: Counter[] } {
  const kind = thread === 'main_thread' ? thread : 'workers';
  const scopes = [root.scope(kind), root.scope(`server.${thread}`)];
  return {
    miss: scopes.map((scope) => scope.counter('watchdog_miss')),
    megaMiss: scopes.map((scope) => scope.counter('watchdog_mega_miss')),
  };
}

/** How often threads are looked at, in milliseconds; they show twice as often that they move. */
export function watchInterval({ miss, megaMiss, kill, multikill }: WatchdogConfig): number {
  const shortest = Math.min(miss, megaMiss, kill || Number.POSITIVE_INFINITY, multikill || Number.POSITIVE_INFINITY);
  return Math.max(shortest, SHORTEST);
}

const SHORTEST = 2;
/** A timer that comes late by less says nothing of its loop. */
const SHORTEST_MISS = 5;

/**
 * Watches the thread that calls it.
 * @param thread `main_thread` or `worker_<n>`
 * @param touch called as often as the thread shows that it moves
 * @returns a function that ends the watch
 */
export function startWatchdog(
  root: Scope,
  thread: string,
  config: WatchdogConfig,
  touch: () => void = () => {},
  now: () => number = () => performance.now(),
): () => void {
  const { miss, megaMiss } = watchdogStats(root, thread);
  let touched = now();
  const timer = setInterval(() => {
    const time = now();
    const still = time - touched;
    touched = time;
    touch();
    if (still >= Math.max(config.miss, SHORTEST_MISS)) for (const counter of miss) counter.inc();
    if (still >= Math.max(config.megaMiss, SHORTEST_MISS)) for (const counter of megaMiss) counter.inc();
  }, watchInterval(config) / 2);
  timer.unref();
  return () => clearInterval(timer);
}
