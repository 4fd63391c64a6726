/**
 * The clocks that run beside a request in the router. Pooled with its stream.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#route-timeouts
 */
import { Timer, type Timers } from '#base/timers.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

/** What happens when one runs out. */
export interface TimedRequest {
  onTimeout(): void;
  onPerTryTimeout(): void;
  onPerTryIdle(): void;
  onMaxDuration(): void;
  tryAgain(): void;
}

export class RouterTimers {
  /** The route's timeout, from the end of the request on. */
  readonly global: Timer;
  readonly perTry: Timer;
  readonly perTryIdle: Timer;
  /** Until the next attempt. */
  readonly backOff: Timer;
  /** max_stream_duration of the cluster. */
  readonly longest: Timer;

  constructor(request: TimedRequest) {
    this.global = new Timer(() => asEvent(() => request.onTimeout()));
    this.perTry = new Timer(() => asEvent(() => request.onPerTryTimeout()));
    this.perTryIdle = new Timer(() => asEvent(() => request.onPerTryIdle()));
    this.backOff = new Timer(() => asEvent(() => request.tryAgain()));
    this.longest = new Timer(() => asEvent(() => request.onMaxDuration()));
  }

  cancelAll(timers: Timers): void {
    if (this.global.armed) timers.cancel(this.global);
    if (this.perTry.armed) timers.cancel(this.perTry);
    if (this.perTryIdle.armed) timers.cancel(this.perTryIdle);
    if (this.backOff.armed) timers.cancel(this.backOff);
    if (this.longest.armed) timers.cancel(this.longest);
  }
}
