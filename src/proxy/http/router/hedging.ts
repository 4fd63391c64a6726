/**
 * Several tries at one request at once: one that met its timeout goes on while the next is made, and the first good answer is taken.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#request-hedging
 */
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import { factsOf, logTry, restoreFacts } from '#proxy/http/router/try-info.ts';
import type { UpstreamRequest } from '#proxy/http/router/upstream-request.ts';

/** A try met its timeout: it goes on, beside another one where the retry policy has one left. */
export function hedge(run: RouterRun, attempt: UpstreamRequest): void {
  if (run.responseStarted || run.retry === undefined) return;
  if (!run.heeds(run.retry.onSoftTimeout())) return;
  attempt.endTimeouts();
  attempt.aside = factsOf(run.stream);
  run.scheduleRetry(true);
}

/** The next try begins: the one before it keeps its place beside, if it goes on. */
export function standAside(run: RouterRun, newest: UpstreamRequest): void {
  run.aside ??= [];
  run.aside.push(run.attempt);
  run.attempt = newest;
}

/** Whether there is a try, or will be one, from which a better answer may come. */
export function othersWait(run: RouterRun, than: UpstreamRequest): boolean {
  if (run.retryScheduled || (run.attempt !== than && run.attempt.active)) return true;
  return run.aside?.some((other) => other !== than && other.active) ?? false;
}

/** The answer of a try that stood aside begins. @returns false where it is bad, and a better one may come */
export function comesBack(run: RouterRun, attempt: UpstreamRequest, status: number, end: boolean): boolean {
  if (run.retry?.wouldRetry(status, attempt.responseHeaders) && othersWait(run, attempt)) {
    attempt.host?.stats.rqError.inc();
    attempt.drop(end);
    logTry(run, attempt);
    return false;
  }
  takeOver(run, attempt);
  return true;
}

/** The answer is that of this try: nothing else is waited for. */
export function takeOver(run: RouterRun, attempt: UpstreamRequest): void {
  const { attempt: newest } = run;
  run.stream.manager.worker.timers.cancel(run.clocks.backOff);
  run.dropRetries();
  run.feed.settle();
  if (newest !== attempt) {
    run.drop(newest);
    if (attempt.aside !== undefined) restoreFacts(run.stream, attempt.aside);
    run.attempt = attempt;
  }
  attempt.aside = undefined;
  dropAside(run);
}

/** Gives up all tries but the newest. */
export function dropAside(run: RouterRun): void {
  const { aside } = run;
  run.aside = undefined;
  for (const other of aside ?? []) {
    if (other === run.attempt || !other.active) continue;
    other.cancel();
    logTry(run, other);
  }
}
