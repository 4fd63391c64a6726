/**
 * Timers for the data path: arming and cancelling are a few pointer writes. Timers of one duration stand in one list, which is
 * thereby sorted by deadline; a single system timer waits for the earliest head.
 */
import type { Clock } from '#base/clock.ts';

/** One timer, made once by its owner and armed many times. */
export class Timer {
  readonly onFire: () => void;
  deadline = 0;
  list: TimerList | undefined = undefined;
  previous: Timer | undefined = undefined;
  next: Timer | undefined = undefined;

  constructor(onFire: () => void) {
    this.onFire = onFire;
  }

  get armed(): boolean {
    return this.list !== undefined;
  }
}

class TimerList {
  readonly duration: number;
  first: Timer | undefined = undefined;
  last: Timer | undefined = undefined;

  constructor(duration: number) {
    this.duration = duration;
  }
}

/** Calls `fire` once after `delay` milliseconds; the returned function cancels. */
export type Schedule = (delay: number, fire: () => void) => () => void;

export const systemSchedule: Schedule = (delay, fire) => {
  const timeout = setTimeout(fire, delay);
  timeout.unref();
  return () => clearTimeout(timeout);
};

/** Durations come from configuration, and from clients (x-envoy-upstream-rq-timeout-ms): above this many, empty lists are dropped. */
const LISTS_KEPT = 64;

/** What setTimeout can wait at most, in milliseconds; it takes more for nothing. */
const LONGEST_WAIT = 2 ** 31 - 1;

export class Timers {
  private readonly clock: Clock & { tick?(): number };
  private readonly schedule: Schedule;
  private readonly lists = new Map<number, TimerList>();
  private due = Number.POSITIVE_INFINITY;
  private unschedule: (() => void) | undefined = undefined;

  constructor(clock: Clock & { tick?(): number }, schedule: Schedule = systemSchedule) {
    this.clock = clock;
    this.schedule = schedule;
  }

  /** Arms the timer for `duration` milliseconds from now; one that is armed already starts again. */
  arm(timer: Timer, duration: number): void {
    if (timer.list !== undefined) this.unlink(timer);
    let list = this.lists.get(duration);
    if (list === undefined) {
      list = new TimerList(duration);
      this.lists.set(duration, list);
    }
    timer.list = list;
    timer.deadline = this.clock.now() + duration;
    timer.previous = list.last;
    if (list.last === undefined) list.first = timer;
    else list.last.next = timer;
    list.last = timer;
    if (timer.deadline < this.due) this.wait(timer.deadline);
  }

  cancel(timer: Timer): void {
    if (timer.list !== undefined) this.unlink(timer);
  }

  private unlink(timer: Timer): void {
    const list = timer.list as TimerList;
    if (timer.previous === undefined) list.first = timer.next;
    else timer.previous.next = timer.next;
    if (timer.next === undefined) list.last = timer.previous;
    else timer.next.previous = timer.previous;
    timer.list = undefined;
    timer.previous = undefined;
    timer.next = undefined;
    if (list.first === undefined && this.lists.size > LISTS_KEPT) this.lists.delete(list.duration);
  }

  private wait(deadline: number): void {
    this.unschedule?.();
    this.due = deadline;
    const delay = Math.min(LONGEST_WAIT, Math.max(1, Math.ceil(deadline - this.clock.now())));
    this.unschedule = this.schedule(delay, () => this.run());
  }

  private run(): void {
    this.unschedule = undefined;
    this.due = Number.POSITIVE_INFINITY;
    const now = this.clock.tick?.() ?? this.clock.now();
    try {
      for (const list of this.lists.values()) {
        while (list.first !== undefined && list.first.deadline <= now) {
          const timer: Timer = list.first;
          this.unlink(timer);
          timer.onFire();
        }
      }
    } finally {
      this.waitForEarliest();
    }
  }

  private waitForEarliest(): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { first } of this.lists.values()) {
      if (first !== undefined && first.deadline < earliest) earliest = first.deadline;
    }
    if (earliest < this.due) this.wait(earliest);
  }
}
