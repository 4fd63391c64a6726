/**
 * What happens when one of a request's clocks in the router runs out. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#route-timeouts
 */
import { replyMaxDuration, replyTimeout } from '#proxy/http/router/router-replies.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import { Flag } from '#proxy/observe/response-flags.ts';

/** The route's timeout. */
export function onRouteTimeout(run: RouterRun): void {
  if (run.over) return;
  const { stream, attempt } = run;
  run.account.timedOut();
  attempt.host?.stats.rqTimeout.inc();
  run.giveUp();
  stream.flags |= Flag.UpstreamRequestTimeout;
  if (run.responseStarted) return cutOff(run, 'response_timeout');
  replyTimeout(run, 'response_timeout');
}

/** per_try_idle_timeout: nothing moved on this attempt. */
export function onPerTryIdle(run: RouterRun): void {
  if (run.over) return;
  const { stream } = run;
  run.cluster?.stats.upstreamRqPerTryIdleTimeout.inc();
  if (run.responseStarted) {
    run.giveUp();
    stream.flags |= Flag.StreamIdleTimeout;
    return cutOff(run, 'upstream_per_try_idle_timeout');
  }
  endAttempt(run, 'upstream_per_try_idle_timeout');
}

/** per_try_timeout. */
export function onPerTryTimeout(run: RouterRun): void {
  if (run.over || run.responseStarted) return;
  run.cluster?.stats.upstreamRqPerTryTimeout.inc();
  endAttempt(run, 'upstream_per_try_timeout');
}

/** The cluster's max_stream_duration. */
export function onMaxDuration(run: RouterRun): void {
  if (run.over) return;
  const { stream } = run;
  run.cluster?.stats.upstreamRqMaxDurationReached.inc();
  const status = stream.requestEnded ? 504 : 408;
  run.giveUp();
  stream.flags |= Flag.UpstreamMaxStreamDurationReached;
  if (run.responseStarted) return cutOff(run, 'upstream_max_stream_duration_reached');
  replyMaxDuration(run, status);
}

/** The attempt took too long: another one, or the end. */
function endAttempt(run: RouterRun, details: string): void {
  const { stream, attempt } = run;
  attempt.host?.stats.rqTimeout.inc();
  attempt.host?.stats.rqError.inc();
  run.cancelAttempt();
  run.timedOut = true;
  if (run.retries(run.retry?.onPerTryTimeout())) return;
  stream.flags |= Flag.UpstreamRequestTimeout;
  run.done = true;
  replyTimeout(run, details);
}

/** The client has a part of the response: all that can be done is to break it off. */
function cutOff({ stream }: RouterRun, details: string): void {
  stream.responseCodeDetails = details;
  stream.manager.resetStream(stream);
}
