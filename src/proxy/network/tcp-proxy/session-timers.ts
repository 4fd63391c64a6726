/**
 * The clocks of one TCP session: how long nothing may pass, how long it may last, what is done every now and then.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#tcp
 */
import { Timer, type Timers } from '#base/timers.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';

/** Milliseconds. */
const IDLE_SLACK = 16;

export class SessionTimers {
  private readonly timers: Timers;
  private readonly armed: Timer[] = [];
  private idleTimer: Timer | undefined = undefined;
  private idleTimeout = 0;
  /** The idle timer is armed again only when this much time has passed since it was: when it fires, it waits for what is left. */
  private slack = Number.POSITIVE_INFINITY;
  private armedAt = 0;
  private lastActive = 0;

  constructor(timers: Timers) {
    this.timers = timers;
  }

  /** Calls when nothing has passed for so long, from now on. @param timeout milliseconds; 0: never */
  onIdle(timeout: number, run: () => void): void {
    if (timeout <= 0) return;
    this.idleTimeout = timeout;
    this.slack = Math.min(IDLE_SLACK, timeout / 100);
    this.lastActive = clock.now();
    this.armedAt = this.lastActive;
    this.idleTimer = this.after(timeout, () => {
      const left = this.lastActive + timeout - clock.now();
      if (left <= 0) run();
      else if (this.idleTimer !== undefined) this.timers.arm(this.idleTimer, Math.ceil(left));
    });
  }

  /** Something passed. */
  active(): void {
    const now = clock.now();
    this.lastActive = now;
    if (now - this.armedAt < this.slack || this.idleTimer === undefined) return;
    this.armedAt = now;
    this.timers.arm(this.idleTimer, this.idleTimeout);
  }

  after(delay: number, run: () => void): Timer {
    const timer = new Timer(() => asEvent(run));
    this.armed.push(timer);
    this.timers.arm(timer, delay);
    return timer;
  }

  every(interval: number, run: () => void): void {
    const timer = this.after(interval, () => {
      run();
      this.timers.arm(timer, interval);
    });
  }

  stop(): void {
    for (const timer of this.armed) this.timers.cancel(timer);
  }
}
