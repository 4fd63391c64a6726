/**
 * The clocks that run beside a request in the router. Pooled with its stream.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#route-timeouts
 */
import { Timer, type Timers } from '#base/timers.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import { onMaxDuration, onPerTryIdle, onPerTryTimeout, onRouteTimeout } from '#proxy/http/router/router-timeouts.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

export class RouterTimers {
  /** The route's timeout, from the end of the request on. */
  readonly global: Timer;
  readonly perTry: Timer;
  readonly perTryIdle: Timer;
  /** Until the next attempt. */
  readonly backOff: Timer;
  /** Until the request begins anew somewhere else. */
  readonly redirect: Timer;
  /** max_stream_duration of the cluster. */
  readonly longest: Timer;

  constructor(run: RouterRun) {
    this.global = new Timer(() => asEvent(() => onRouteTimeout(run)));
    this.perTry = new Timer(() => asEvent(() => onPerTryTimeout(run)));
    this.perTryIdle = new Timer(() => asEvent(() => onPerTryIdle(run)));
    this.backOff = new Timer(() => asEvent(() => run.tryAgain()));
    this.redirect = new Timer(() => asEvent(() => run.stream.manager.beginAgain(run.stream)));
    this.longest = new Timer(() => asEvent(() => onMaxDuration(run)));
  }

  cancelAll(timers: Timers): void {
    if (this.global.armed) timers.cancel(this.global);
    if (this.perTry.armed) timers.cancel(this.perTry);
    if (this.perTryIdle.armed) timers.cancel(this.perTryIdle);
    if (this.backOff.armed) timers.cancel(this.backOff);
    if (this.redirect.armed) timers.cancel(this.redirect);
    if (this.longest.armed) timers.cancel(this.longest);
  }
}
