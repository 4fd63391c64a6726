/**
 * What comes of the router's tries: an answer goes back through the filters, or the request is tried again, begins anew somewhere else, or
 * is broken off.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
import type { InternalRedirectPolicy } from '#config/model/route.ts';
import { prepareInterimHeaders } from '#proxy/http/response-headers.ts';
import { dropAside, othersWait, takeOver } from '#proxy/http/router/hedging.ts';
import { redirectRequest, SEE_OTHER } from '#proxy/http/router/internal-redirect.ts';
import { resetReply } from '#proxy/http/router/reset-reply.ts';
import { addRouteHeaders } from '#proxy/http/router/route-headers.ts';
import { replyReset, replyUpgradeRefused } from '#proxy/http/router/router-replies.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import { logTry } from '#proxy/http/router/try-info.ts';
import type { UpstreamRequest } from '#proxy/http/router/upstream-request.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

/** An informational response: from now on nothing is tried again. */
export function onInterim(run: RouterRun, attempt: UpstreamRequest, status: number): void {
  const { stream } = run;
  if (run.interimSeen) return;
  run.account.count(status, attempt.host);
  run.interimSeen = true;
  takeOver(run, attempt);
  const { proxy100Continue } = stream.manager.config;
  if (!proxy100Continue || stream.responseStarted || stream.protocol === 'HTTP/1.0') return;
  prepareInterimHeaders(attempt.responseHeaders);
  stream.codec.sendInterim(stream, status, attempt.responseHeaders);
}

/** The head of an answer of the newest try, or of the one that took its place. */
export function onResponse(run: RouterRun, status: number, end: boolean): void {
  const { stream, attempt } = run;
  const { host, responseHeaders: headers } = attempt;
  let better = false;
  if (run.retry !== undefined) {
    const verdict = run.retry.onResponse(status, headers, clock.wall());
    if (run.heeds(verdict)) {
      stream.responseCode = status;
      run.account.countRetried(status);
      host?.stats.rqError.inc();
      run.drop(attempt, end);
      return run.scheduleRetry(false);
    }
    better = verdict !== 'no';
    run.feed.settle();
  }
  if (run.action?.internalRedirectPolicy?.redirectResponseCodes.includes(status) && redirects(run, status)) return;
  if (run.aside !== undefined) {
    if (better && othersWait(run, attempt)) {
      host?.stats.rqError.inc();
      return run.drop(attempt, end);
    }
    dropAside(run);
  }
  run.account.hostAnswered(host, status, headers, end);
  if (stream.upgrading && status < 400 && refusesSwitch(run, status)) return refuseSwitch(run, status);
  run.responseStarted = true;
  // The stream takes over the fields that the attempt was parsed into; no copy is made.
  attempt.responseHeaders = stream.responseHeaders;
  stream.responseHeaders = headers;
  stream.responseCode = status;
  stream.responseReason = attempt.reason;
  stream.responseCodeDetails = 'via_upstream';
  if (stream.switched) switchProtocols(run);
  if (!run.config.suppressEnvoyHeaders && stream.requestEnded && !stream.openEnded) {
    headers.setKnown(
      Known['x-envoy-upstream-service-time'],
      String(Math.floor(clock.now() - stream.marks.lastDownstreamRxByte)),
    );
  }
  for (const cookie of stream.cookiesToSet ?? []) headers.add('set-cookie', cookie);
  run.account.count(status, host, headers);
  addRouteHeaders(stream);
  if (stream.selectedHost?.config.includeAttemptCountInResponse)
    headers.setKnown(Known['x-envoy-attempt-count'], String(stream.attemptCount));
  if (end) complete(run);
  stream.filters.response(end);
}

/** Follows the answer's Location, if it may: the request begins anew. @returns whether it does */
function redirects(run: RouterRun, status: number): boolean {
  const { stream, cluster, feed, attempt } = run;
  const { responseHeaders } = attempt;
  const policy = run.action?.internalRedirectPolicy as InternalRedirectPolicy;
  if (feed.whole === undefined || !redirectRequest(stream, policy, status, responseHeaders)) {
    cluster?.stats.upstreamInternalRedirectFailedTotal.inc();
    return false;
  }
  cluster?.stats.upstreamInternalRedirectSucceededTotal.inc();
  if (status === SEE_OTHER && stream.method === 'GET') feed.dropBody();
  run.giveUp();
  attempt.responseHeaders = stream.responseHeaders;
  stream.responseHeaders = responseHeaders;
  stream.responseCode = status;
  stream.responseCodeDetails = 'internal_redirect';
  // Not at once: the connection is still at this answer.
  run.stream.manager.worker.timers.arm(run.clocks.redirect, 0);
  return true;
}

/** The request goes on as one side of a tunnel, which lasts as long as its idle timeout lets it. */
function switchProtocols(run: RouterRun): void {
  run.stream.manager.worker.timers.cancel(run.clocks.global);
  run.feed.drop();
}

/** An upstream of HTTP/1.1 must say that it switches to WebSocket, as by Envoy; others have said what they think by the status. */
function refusesSwitch({ stream }: RouterRun, status: number): boolean {
  const { requestHeaders, upstreamProtocol } = stream;
  if (status === 101 || upstreamProtocol !== 'HTTP/1.1') return false;
  return requestHeaders.getKnown(Known.upgrade)?.toLowerCase() === 'websocket';
}

function refuseSwitch(run: RouterRun, status: number): void {
  run.giveUp();
  replyUpgradeRefused(run, status);
}

export function onResponseData(run: RouterRun, chunk: Buffer, end: boolean): void {
  if (end) {
    run.account.hostDone(run.attempt.host, undefined);
    complete(run);
  }
  run.stream.filters.responseData(chunk, end);
}

export function onResponseTrailers(run: RouterRun, trailers: Headers): void {
  run.account.hostDone(run.attempt.host, trailers);
  complete(run);
  run.stream.filters.responseTrailers(trailers);
}

/** The attempt has its whole response. */
function complete(run: RouterRun): void {
  run.done = true;
  const { stream } = run;
  stream.manager.worker.timers.cancel(run.clocks.global);
  const { marks } = stream;
  const took = clock.now() - (marks.lastDownstreamRxByte >= 0 ? marks.lastDownstreamRxByte : marks.start);
  run.account.time(took, run.attempt.host, run.timeouts.global);
  run.feed.disconnect();
  run.feed.pause(false);
}

/** An attempt was broken off. */
export function onReset(run: RouterRun, attempt: UpstreamRequest, reason: ResetReason, details: string): void {
  const { stream } = run;
  const reply = resetReply(reason, details);
  attempt.flags |= reply.flag;
  run.feed.disconnect();
  if (run.responseStarted) {
    run.done = true;
    stream.flags |= reply.flag;
    stream.responseCodeDetails = `upstream_reset_after_response_started{${reply.name}}`;
    run.account.hostBroke(stream, attempt.host);
    return stream.manager.resetStream(stream);
  }
  // A host has its part in an overflow where it had a connection for the request.
  if (reason !== 'overflow' || stream.upstream !== undefined) attempt.host?.stats.rqError.inc();
  // What stood aside has been tried again already.
  const verdict = attempt.aside === undefined ? run.retry?.onReset(reason, attempt.sent) : undefined;
  const again = run.heeds(verdict);
  const waits = again || othersWait(run, attempt);
  // That of the newest is written at the stream's end.
  if (waits || attempt !== run.attempt) logTry(run, attempt);
  if (again) return run.scheduleRetry(false);
  if (reason === 'overflow') run.cluster?.countDrop(false);
  if (!run.interimSeen) run.account.count(reply.status, attempt.host);
  if (waits) return;
  stream.flags |= reply.flag;
  run.done = true;
  replyReset(run, reply, stream.attemptCount > 1 || verdict === 'no_overflow');
}
