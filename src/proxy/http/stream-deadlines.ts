/**
 * Streams of HTTP/2 that have to come to an end within some time, after their request has left. Few do: those cost a timer each.
 */
import { Timer, type Timers } from '#base/timers.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import type { Stream } from '#wire/http2/stream.ts';

export class StreamDeadlines<Owner> {
  private readonly waiting = new Map<Stream<Owner>, Timer>();
  private readonly timers: Timers;
  private readonly onTimeout: (stream: Stream<Owner>) => void;

  constructor(timers: Timers, onTimeout: (stream: Stream<Owner>) => void) {
    this.timers = timers;
    this.onTimeout = onTimeout;
  }

  /** The time of a stream begins. @param duration in milliseconds; 0: it has all the time */
  watch(stream: Stream<Owner>, duration: number): void {
    if (duration <= 0) return;
    const timer = new Timer(() =>
      asEvent(() => {
        this.waiting.delete(stream);
        this.onTimeout(stream);
      }),
    );
    this.waiting.set(stream, timer);
    this.timers.arm(timer, duration);
  }

  /** The stream is over. */
  forget(stream: Stream<Owner>): void {
    const timer = this.waiting.get(stream);
    if (timer === undefined) return;
    this.waiting.delete(stream);
    this.timers.cancel(timer);
  }

  stop(): void {
    for (const timer of this.waiting.values()) this.timers.cancel(timer);
    this.waiting.clear();
  }
}
