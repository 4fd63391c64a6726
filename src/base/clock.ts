/**
 * Time, injected everywhere. The data path reads a value that is refreshed once per event, not the system's clock.
 */

export interface Clock {
  /** Monotonic milliseconds with fractions; may be as old as the event being handled. */
  now(): number;
  /** Milliseconds since the epoch with fractions, as old as `now()`. */
  wall(): number;
}

/** The system's clocks, read by `tick()` at the start of each event. */
export class SystemClock implements Clock {
  private current = performance.now();
  private readonly origin: number;

  constructor() {
    this.origin = Date.now() - performance.now();
  }

  /** Reads the clock. @returns the new time. */
  tick(): number {
    this.current = performance.now();
    return this.current;
  }

  now(): number {
    return this.current;
  }

  wall(): number {
    return this.origin + this.current;
  }
}
