/** Time that stands still until a test moves it: for what takes a `Clock`, and for `Timers` with its `schedule`. */
import type { Clock } from '#base/clock.ts';

interface Waiting {
  due: number;
  fire: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  readonly #origin: number;
  #waiting: Waiting[] = [];

  /** @param origin what `wall()` says at first, in milliseconds since the epoch. */
  constructor(origin = Date.UTC(2026, 0, 1)) {
    this.#origin = origin;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#origin + this.#now;
  }

  /** Calls `fire` when time has moved this far; the returned function cancels. Goes where `Timers` wants a `Schedule`. */
  readonly schedule = (delay: number, fire: () => void): (() => void) => {
    const waiting = { due: this.#now + delay, fire };
    this.#waiting.push(waiting);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
    };
  };

  /** Moves time, and fires what falls due on the way, in order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#waiting.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.due);
      next.fire();
    }
    this.#now = end;
  }
}
