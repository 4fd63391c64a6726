/**
 * What a guard dog sees of its threads: who moved since the last look, and who has not for how long.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/performance#watchdog
 */
import type { Pack } from '#proxy/guard-dog.ts';

export class PackWatch {
  private readonly pack: Pack;
  private readonly touched: Int32Array;
  /** When each was last seen to have moved. */
  private readonly seen: number[];

  constructor(pack: Pack, now: number) {
    this.pack = pack;
    this.touched = new Int32Array(pack.touched);
    this.seen = pack.threads.map(() => now);
  }

  /** @returns why the process is to end; undefined: it goes on. */
  look(now: number): string | undefined {
    const { kill, multikill, several, threads } = this.pack;
    let stuck = 0;
    for (const [i, thread] of threads.entries()) {
      if (Atomics.exchange(this.touched, i, 0) === 1) {
        this.seen[i] = now;
        continue;
      }
      const still = now - this.seen[i];
      if (kill > 0 && still > kill) return `Watchdog AbortAction terminating thread ${thread}.`;
      if (multikill > 0 && still > multikill && ++stuck >= several) {
        return `Watchdog MULTIKILL as ${stuck} threads are stuck.`;
      }
    }
    return undefined;
  }
}
