/**
 * How many client connections of one listener all workers may hold together (the runtime key
 * `envoy.resource_limits.listener.<name>.connection_limit`).
 */
export class DownstreamLimit {
  private readonly counter: Int32Array;
  private readonly limit: () => number;

  /** @param shared four bytes that all workers share; @param limit asked for each connection */
  constructor(shared: SharedArrayBuffer, limit: () => number) {
    this.counter = new Int32Array(shared);
    this.limit = limit;
  }

  /** @returns whether one more may be accepted; it then counts. */
  take(): boolean {
    if (Atomics.add(this.counter, 0, 1) < this.limit()) return true;
    Atomics.sub(this.counter, 0, 1);
    return false;
  }

  /** Counts one more, whatever the limit. */
  force(): void {
    Atomics.add(this.counter, 0, 1);
  }

  give(): void {
    Atomics.sub(this.counter, 0, 1);
  }

  get active(): number {
    return Atomics.load(this.counter, 0);
  }
}
