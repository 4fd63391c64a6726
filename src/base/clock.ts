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
  private current = 0;
  private origin = 0;

  constructor() {
    this.restart();
  }

  /** Where a process goes on from a startup snapshot: the clock of the one that made it began at another time. */
  restart(): void {
    this.current = performance.now();
    this.origin = Date.now() - this.current;
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
