/**
 * What the router answers itself where an upstream did not. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import type { ResetReply } from '#proxy/http/router/reset-reply.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { Known } from '#wire/known-headers.ts';

export function replyNoHealthyHost({ stream, account }: RouterRun): void {
  account.count(503, undefined);
  stream.flags |= Flag.NoHealthyUpstream;
  sendLocalReply(stream, 503, 'no healthy upstream', 'no_healthy_upstream', { decorate });
}

/** The last attempt was broken off. @param retried it was not the first, or there was no room for another */
export function replyReset(run: RouterRun, reply: ResetReply, retried: boolean): void {
  const { stream } = run;
  const body = `upstream connect error or disconnect/reset before headers. ${retried ? 'retried and the latest ' : ''}reset reason: ${reply.text}`;
  const overloaded = reply.flag === Flag.UpstreamOverflow && !stream.manager.router.suppressEnvoyHeaders;
  const when = run.interimSeen ? 'after' : 'before';
  sendLocalReply(stream, reply.status, body, `upstream_reset_${when}_response_started{${reply.name}}`, {
    prepare: ({ responseHeaders }) => {
      if (overloaded) responseHeaders.setKnown(Known['x-envoy-overloaded'], 'true');
    },
    decorate,
  });
}

export function replyTimeout({ stream }: RouterRun, details: string): void {
  sendLocalReply(stream, 504, 'upstream request timeout', details, { decorate });
}

export function replyMaxDuration({ stream }: RouterRun, status: number): void {
  const body = 'upstream max stream duration reached';
  sendLocalReply(stream, status, body, 'upstream_max_stream_duration_reached', { decorate });
}

/** While the next attempt was waited for, more of the request came than may be kept for it. */
export function replyTooLargeToRetry({ stream }: RouterRun): void {
  const body = 'exceeded request buffer limit while retrying upstream';
  sendLocalReply(stream, 507, body, 'request_payload_exceeded_retry_buffer_limit', { decorate });
}

/** The upstream neither agrees to the upgrade nor says that something is wrong: its head is handed on, and no body, as by Envoy. */
export function replyUpgradeRefused({ stream, attempt }: RouterRun, status: number): void {
  const theirs = attempt.responseHeaders;
  sendLocalReply(stream, status, '', 'websocket_handshake_unsuccessful', ({ responseHeaders }) => {
    theirs.each((name, value) => {
      if (name !== 'content-length') responseHeaders.add(name, value);
    });
  });
}

/** Adds what the route adds to every response, also to those that the router makes itself. */
function decorate(stream: HttpStream): void {
  if (stream.selectedHost?.config.includeAttemptCountInResponse)
    stream.responseHeaders.setKnown(Known['x-envoy-attempt-count'], String(stream.attemptCount));
}
