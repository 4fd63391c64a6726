/**
 * Ends the process when threads hang, where the configuration asks for that: from a thread of its own, since the one that hangs cannot.
 * Threads show by a number in shared memory that they move. Without kill timeouts there is no such thread.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/performance#watchdog
 */
import { Worker as Thread } from 'node:worker_threads';
import { entryPath } from '#base/entry.ts';
import type { LoggingOptions } from '#base/logger.ts';
import type { WatchdogConfig, WatchdogsConfig } from '#config/model/watchdog.ts';
import { watchInterval } from '#proxy/observe/stats/watchdog.ts';

/** Threads that are watched in the same way. */
export interface Pack {
  /** For the log: `main_thread`, `worker_0`. */
  threads: string[];
  /** A number for each of them, which it sets to 1 when it moves. */
  touched: SharedArrayBuffer;
  /** Milliseconds between looks. */
  interval: number;
  /** Milliseconds of one thread, and of several, until the process ends; 0: never. */
  kill: number;
  multikill: number;
  /** How many hang where several are meant. */
  several: number;
}

export interface GuardDogStart {
  packs: Pack[];
  logging: LoggingOptions;
}

export interface Packs {
  mainThread: Pack;
  workers: Pack;
}

export function packsOf(config: WatchdogsConfig, concurrency: number, random: () => number = Math.random): Packs {
  const workers = Array.from({ length: concurrency }, (_, index) => `worker_${index}`);
  return {
    mainThread: packOf(['main_thread'], config.mainThread, random),
    workers: packOf(workers, config.workers, random),
  };
}

function packOf(threads: string[], config: WatchdogConfig, random: () => number): Pack {
  const jitter = config.killJitter === 0 ? 0 : 1 + Math.floor(random() * config.killJitter);
  const kills = [
    config.kill === 0 ? 0 : config.kill + jitter,
    config.abortsOnMiss ? config.miss : 0,
    config.abortsOnMegaMiss ? config.megaMiss : 0,
  ].filter((time) => time > 0);
  return {
    threads,
    touched: new SharedArrayBuffer(threads.length * Int32Array.BYTES_PER_ELEMENT),
    interval: watchInterval(config),
    kill: kills.length === 0 ? 0 : Math.min(...kills),
    multikill: config.multikill,
    several: Math.max(2, Math.ceil(config.multikillShare * threads.length)),
  };
}

/** @param touched a pack's. @returns a function that shows that one of its threads moves */
export function toucher(touched: SharedArrayBuffer, index: number): () => void {
  const numbers = new Int32Array(touched);
  return () => Atomics.store(numbers, index, 1);
}

/** @returns a function that ends the watch; undefined: nothing ends the process. */
export function startGuardDog(packs: Packs, logging: LoggingOptions): (() => Promise<unknown>) | undefined {
  const fierce = Object.values(packs).filter(({ kill, multikill }) => kill > 0 || multikill > 0) as Pack[];
  if (fierce.length === 0) return undefined;
  const start: GuardDogStart = { packs: fierce, logging };
  const thread = new Thread(entryPath('src/proxy/guard-dog-thread'), { workerData: start });
  thread.unref();
  return () => thread.terminate();
}
