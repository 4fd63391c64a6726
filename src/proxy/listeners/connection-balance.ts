/**
 * Gives each new connection of a listener to the worker that has the fewest.
 * Follows envoy.config.listener.v3.Listener.ConnectionBalanceConfig.ExactBalance.
 */

export class ConnectionBalance {
  private readonly counts: Int32Array;
  private readonly workers: number;

  /** @param shared four bytes for each worker, which all of them share */
  constructor(shared: SharedArrayBuffer, workers: number) {
    this.counts = new Int32Array(shared);
    this.workers = Math.min(workers, this.counts.length);
  }

  /** @returns the worker with the fewest connections, the first of several; it has one more from now on */
  pick(): number {
    let least = 0;
    for (let worker = 1; worker < this.workers; worker++)
      if (Atomics.load(this.counts, worker) < Atomics.load(this.counts, least)) least = worker;
    this.add(least);
    return least;
  }

  add(worker: number): void {
    Atomics.add(this.counts, worker, 1);
  }

  give(worker: number): void {
    Atomics.sub(this.counts, worker, 1);
  }
}
