/**
 * How many client connections all workers may hold together. Follows the resource monitor
 * envoy.resource_monitors.global_downstream_max_connections.
 */
export class DownstreamLimit {
  private readonly counter: Int32Array;
  private readonly limit: number;

  /** @param shared four bytes that all workers share; @param limit undefined: none */
  constructor(shared: SharedArrayBuffer, limit: number | undefined) {
    this.counter = new Int32Array(shared);
    this.limit = limit ?? Number.POSITIVE_INFINITY;
  }

  /** @returns whether one more may be accepted; it then counts. */
  take(): boolean {
    if (Atomics.add(this.counter, 0, 1) < this.limit) return true;
    Atomics.sub(this.counter, 0, 1);
    return false;
  }

  give(): void {
    Atomics.sub(this.counter, 0, 1);
  }

  get active(): number {
    return Atomics.load(this.counter, 0);
  }
}
