/**
 * The clocks that run beside a whole request in the router; its tries have their own. Pooled with its stream.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#route-timeouts
 */
import { Timer, type Timers } from '#base/timers.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import { onRouteTimeout } from '#proxy/http/router/router-timeouts.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

export class RouterTimers {
  /** The route's timeout, from the end of the request on. */
  readonly global: Timer;
  /** Until the next attempt. */
  readonly backOff: Timer;
  /** Until the request begins anew somewhere else. */
  readonly redirect: Timer;

  constructor(run: RouterRun) {
    this.global = new Timer(() => asEvent(() => onRouteTimeout(run)));
    this.backOff = new Timer(() => asEvent(() => run.tryAgain()));
    this.redirect = new Timer(() => asEvent(() => run.stream.manager.beginAgain(run.stream)));
  }

  cancelAll(timers: Timers): void {
    if (this.global.armed) timers.cancel(this.global);
    if (this.backOff.armed) timers.cancel(this.backOff);
    if (this.redirect.armed) timers.cancel(this.redirect);
  }
}
