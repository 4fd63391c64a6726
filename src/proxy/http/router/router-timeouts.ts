/**
 * What happens when one of a request's clocks in the router runs out, or one of its tries'. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#route-timeouts
 */
import { hedge } from '#proxy/http/router/hedging.ts';
import { replyMaxDuration, replyTimeout } from '#proxy/http/router/router-replies.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import type { UpstreamRequest } from '#proxy/http/router/upstream-request.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { Counter } from '#proxy/observe/stats/metrics.ts';

/** The route's timeout. Each try that is under way has met it. */
export function onRouteTimeout(run: RouterRun): void {
  if (run.over) return;
  const { stream } = run;
  if (run.attempt.active) countTimeout(run, run.attempt);
  for (const other of run.aside ?? []) if (other.active) countTimeout(run, other);
  run.giveUp();
  stream.flags |= Flag.UpstreamRequestTimeout;
  if (run.responseStarted) return cutOff(run, 'response_timeout');
  replyTimeout(run, 'response_timeout');
}

function countTimeout(run: RouterRun, { host }: UpstreamRequest): void {
  run.account.timedOut();
  host?.stats.rqTimeout.inc();
  if (!run.responseStarted) run.account.count(504, host);
}

/** per_try_idle_timeout: nothing moved on this attempt. */
export function onPerTryIdle(run: RouterRun, attempt: UpstreamRequest): void {
  if (run.over) return;
  attempt.flags |= Flag.StreamIdleTimeout;
  endAttempt(run, attempt, run.cluster?.stats.upstreamRqPerTryIdleTimeout, 'upstream_per_try_idle_timeout');
}

/** per_try_timeout. */
export function onPerTryTimeout(run: RouterRun, attempt: UpstreamRequest): void {
  if (run.over || run.responseStarted) return;
  attempt.flags |= Flag.UpstreamRequestTimeout;
  endAttempt(run, attempt, run.cluster?.stats.upstreamRqPerTryTimeout, 'upstream_per_try_timeout');
}

/** The cluster's max_stream_duration. */
export function onMaxDuration(run: RouterRun, attempt: UpstreamRequest): void {
  if (run.over) return;
  const { stream } = run;
  run.cluster?.stats.upstreamRqMaxDurationReached.inc();
  run.drop(attempt);
  if (!run.responseStarted && attempt.aside === undefined && run.heeds(run.retry?.onReset('local_reset', true))) {
    attempt.host?.stats.rqError.inc();
    return run.scheduleRetry(false);
  }
  run.giveUp();
  stream.flags |= Flag.UpstreamMaxStreamDurationReached;
  if (run.responseStarted) return cutOff(run, 'upstream_max_stream_duration_reached');
  replyMaxDuration(run, stream.requestEnded ? 504 : 408);
}

/** The attempt took too long: another one beside it with hedging, or in its place, or the end. */
function endAttempt(run: RouterRun, attempt: UpstreamRequest, counter: Counter | undefined, details: string): void {
  if (run.hedged) return hedge(run, attempt);
  const { stream } = run;
  const { host } = attempt;
  counter?.inc();
  host?.stats.rqTimeout.inc();
  run.drop(attempt);
  if (run.responseStarted) {
    run.account.hostBroke(stream, host);
    run.giveUp();
    stream.flags |= Flag.UpstreamRequestTimeout;
    return cutOff(run, details);
  }
  host?.stats.rqError.inc();
  if (run.heeds(run.retry?.onPerTryTimeout())) return run.scheduleRetry(true);
  run.account.count(504, host);
  stream.flags |= Flag.UpstreamRequestTimeout;
  run.done = true;
  replyTimeout(run, details);
}

/** The client has a part of the response: all that can be done is to break it off. */
function cutOff({ stream }: RouterRun, details: string): void {
  stream.responseCodeDetails = details;
  stream.manager.resetStream(stream);
}
