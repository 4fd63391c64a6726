/**
 * The router for one stream: from the chosen route to a response, over as many attempts as the retry policy allows. Pooled with its stream.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */

import type { RouteAction, WeightedCluster } from '#config/model/route.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { chooseUpstream, clusterRefuses } from '#proxy/http/router/choose-upstream.ts';
import { bodyLimit, KeptBody } from '#proxy/http/router/kept-body.ts';
import { mirrorClusters, mirrorPolicies, sendMirror } from '#proxy/http/router/mirror.ts';
import { resetReply } from '#proxy/http/router/reset-reply.ts';
import { ResponseAccount } from '#proxy/http/router/response-account.ts';
import { RetryState } from '#proxy/http/router/retry-state.ts';
import { applyRewrites } from '#proxy/http/router/rewrites.ts';
import { RouterTimers, type TimedRequest } from '#proxy/http/router/router-timers.ts';
import { applyTimeouts } from '#proxy/http/router/timeouts.ts';
import { UpstreamRequest } from '#proxy/http/router/upstream-request.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

export class RouterRun implements TimedRequest {
  readonly stream: HttpStream;
  /** The request has reached the router. */
  started = false;
  private readonly attempt: UpstreamRequest;
  private cluster: Cluster | undefined = undefined;
  private action: RouteAction | undefined = undefined;
  private weighted: WeightedCluster | undefined = undefined;
  private retry: RetryState | undefined = undefined;
  private readonly clocks: RouterTimers;
  /** For balancers that look at the request. */
  private readonly choice: LoadBalancerContext;
  private perTryTimeout = 0;
  private globalTimeout = 0;
  /** The request's body so far. */
  private readonly body = new KeptBody();
  private responseStarted = false;
  private done = false;
  /** The last attempt ended by its own timeout. */
  private timedOut = false;
  /** An informational response came. */
  private interimSeen = false;
  private requestPaused = false;
  private readonly account = new ResponseAccount();
  /** Who gets a copy of the request when it is whole. */
  private mirrors: ReturnType<typeof mirrorClusters> | undefined = undefined;
  private tried: Host[] | undefined = undefined;

  constructor(stream: HttpStream) {
    this.stream = stream;
    this.attempt = new UpstreamRequest(this);
    this.clocks = new RouterTimers(this);
    this.choice = { request: stream, hostSelectionRetryCount: 0 };
  }

  reset(): void {
    if (!this.started) return;
    this.started = false;
    this.attempt.reset();
    this.cluster = undefined;
    this.action = undefined;
    this.weighted = undefined;
    this.retry = undefined;
    this.account.reset();
    this.mirrors = undefined;
    this.tried = undefined;
    this.body.reset();
    this.responseStarted = false;
    this.done = false;
    this.timedOut = false;
    this.interimSeen = false;
    this.requestPaused = false;
  }

  private get config(): RouterConfig {
    return this.stream.manager.router;
  }

  private get priority(): 'DEFAULT' | 'HIGH' {
    return this.action?.priority ?? 'DEFAULT';
  }

  /** The request's head arrives. */
  request(end: boolean): void {
    this.started = true;
    this.body.ended = end;
    const { stream } = this;
    const { manager } = stream;
    manager.routerStats.rqTotal.inc();
    const chosen = chooseUpstream(stream);
    if (chosen === undefined) return;
    const { action, cluster, virtualHost, route, weighted } = chosen;
    this.action = action;
    this.weighted = weighted;
    this.cluster = cluster;
    if (clusterRefuses(stream, cluster)) return;
    this.account.begin(stream, cluster, virtualHost, route);
    stream.attemptCount = 1;
    const host = cluster.loadBalancer.choose(cluster.loadBalancer.asksRequest ? this.choice : undefined);
    if (host === undefined) return this.noHealthyHost();
    const policy = action.retryPolicy ?? virtualHost.config.retryPolicy;
    const timeouts = applyTimeouts(stream, action, policy?.perTryTimeout ?? 0, this.config);
    this.globalTimeout = timeouts.global;
    this.perTryTimeout = timeouts.perTry;
    this.retry = RetryState.of(stream, cluster, this.account, policy, action.priority, timeouts.perTry);
    manager.routeHeaders.applyRequest(stream, virtualHost.config, route.config, weighted);
    applyRewrites(stream, route, action, weighted, host, this.config.suppressEnvoyHeaders);
    const policies = mirrorPolicies(action, virtualHost);
    if (policies.length > 0 && !stream.upgrading) this.mirrors = mirrorClusters(stream, policies);
    this.body.stays = (this.retry !== undefined || this.mirrors !== undefined) && !end;
    if (end) this.requestWhole();
    this.begin(host);
  }

  private noHealthyHost(): void {
    const { stream } = this;
    this.cluster?.stats.upstreamCxNoneHealthy.inc();
    this.done = true;
    this.account.count(503, undefined);
    stream.flags |= Flag.NoHealthyUpstream;
    sendLocalReply(stream, 503, 'no healthy upstream', 'no_healthy_upstream');
  }

  private begin(host: Host): void {
    if (this.retry !== undefined) {
      this.tried ??= [];
      this.tried.push(host);
    }
    const { stream } = this;
    const cluster = this.cluster as Cluster;
    if (stream.selectedHost?.config.includeRequestAttemptCount) {
      stream.requestHeaders.setKnown(Known['x-envoy-attempt-count'], String(stream.attemptCount));
    }
    if (stream.manager.config.schemeHeaderTransformation?.matchUpstream) {
      stream.scheme = cluster.transports.tlsFor(host) === undefined ? 'http' : 'https';
    }
    stream.upstream = undefined;
    stream.marks.upstreamPoolAsked = clock.now();
    stream.marks.upstreamPoolAnswered = -1;
    this.responseStarted = false;
    this.attempt.begin(host, cluster.poolFor(host, this.priority, cluster.serverNameFor(stream)));
  }

  /** The attempt has a connection: the request goes out, with what there is of its body. */
  onConnected(encoder: RequestEncoder): void {
    this.account.attemptSent();
    const { stream } = this;
    const { connection } = encoder;
    stream.upstream = connection.info;
    stream.upstreamProtocol = encoder.protocol;
    stream.marks.upstreamConnectStart = connection.connectStart;
    stream.marks.upstreamConnectComplete = connection.connectEnd;
    stream.marks.upstreamTlsComplete = connection.tlsEnd;
    if (this.perTryTimeout > 0) stream.manager.worker.timers.arm(this.clocks.perTry, this.perTryTimeout);
    const longest = this.cluster?.config.http.common.maxStreamDuration ?? 0;
    if (longest > 0) stream.manager.worker.timers.arm(this.clocks.longest, longest);
    this.activity();
    this.body.sendTo(encoder, stream);
    if (this.requestPaused) this.pauseRequest(false);
  }

  requestData(chunk: Buffer, end: boolean): void {
    if (this.done || !this.started) return;
    const { encoder } = this.attempt;
    if (encoder === undefined || this.body.stays) this.keep(chunk);
    if (end) {
      this.body.ended = true;
      this.requestWhole();
    }
    encoder?.sendData(this.stream, chunk, end);
  }

  requestTrailers(trailers: Headers): void {
    if (this.done || !this.started) return;
    this.body.ended = true;
    this.body.trailers = trailers;
    this.requestWhole();
    this.attempt.encoder?.sendTrailers(this.stream, trailers);
  }

  private keep(chunk: Buffer): void {
    const { body } = this;
    const limit = bodyLimit(this.stream);
    if (body.stays && body.bytes + chunk.length > limit) {
      // Too large to send a second time: the request goes on without retries.
      this.cluster?.stats.retryOrShadowAbandoned.inc();
      this.retry?.release();
      this.retry = undefined;
      this.mirrors = undefined;
      body.stays = false;
      if (this.attempt.encoder !== undefined) return body.drop();
    }
    body.add(chunk);
    if (this.attempt.encoder === undefined && body.bytes > limit) this.pauseRequest(true);
  }

  private pauseRequest(pause: boolean): void {
    if (this.requestPaused === pause) return;
    this.requestPaused = pause;
    this.stream.codec.pauseRequest(this.stream, pause);
  }

  /** The upstream connection takes no more of the body for now, or does again. */
  onRequestBlocked(blocked: boolean): void {
    const stats = this.cluster?.stats;
    if (blocked) stats?.upstreamFlowControlBackedUpTotal.inc();
    else stats?.upstreamFlowControlDrainedTotal.inc();
    this.pauseRequest(blocked);
  }

  /** The client takes no more of the response for now, or does again. */
  pauseResponse(pause: boolean): void {
    const stats = this.cluster?.stats;
    if (pause) stats?.upstreamFlowControlPausedReadingTotal.inc();
    else stats?.upstreamFlowControlResumedReadingTotal.inc();
    this.attempt.encoder?.pause(pause);
  }

  /** @param milliseconds since the attempt began. */
  onAttemptOver(milliseconds: number): void {
    const { cluster, stream } = this;
    if (cluster?.timeoutBudget === undefined && cluster?.sizes === undefined) return;
    const headers = this.responseStarted ? stream.responseHeaders : this.attempt.responseHeaders;
    this.account.attemptOver(stream, milliseconds, this.perTryTimeout, headers);
  }

  onInterim(status: number, headers: Headers): void {
    const { stream } = this;
    if (this.interimSeen) return;
    this.account.count(status, this.attempt.host);
    // From now on nothing is tried again.
    this.interimSeen = true;
    this.retry?.release();
    this.retry = undefined;
    const { proxy100Continue } = stream.manager.config;
    if (proxy100Continue && !stream.responseStarted && stream.protocol !== 'HTTP/1.0')
      stream.codec.sendInterim(stream, status, headers);
  }

  onResponse(status: number, bytes: number, end: boolean): void {
    const { stream } = this;
    const { manager } = stream;
    const host = this.attempt.host;
    manager.worker.timers.cancel(this.clocks.perTry);
    stream.upstreamHeaderBytesReceived = bytes;
    const headers = this.attempt.responseHeaders;
    if (status >= 500) host?.stats.rqError.inc();
    else host?.stats.rqSuccess.inc();
    if (this.retry !== undefined) {
      const verdict = this.retry.onResponse(status, headers, clock.wall());
      if (verdict === 'yes') {
        stream.responseCode = status;
        this.account.countRetried(status);
        if (!end) this.attempt.cancel();
        return this.scheduleRetry();
      }
      if (verdict === 'no_limit_exceeded') stream.flags |= Flag.UpstreamRetryLimitExceeded;
      else if (verdict === 'no_overflow') stream.flags |= Flag.UpstreamOverflow;
      this.body.stays = false;
    }
    if (stream.upgrading && status !== 101 && status < 400) return this.refuseSwitch(status, end);
    this.responseStarted = true;
    // The stream takes over the fields that the attempt was parsed into; no copy is made.
    this.attempt.responseHeaders = stream.responseHeaders;
    stream.responseHeaders = headers;
    stream.responseCode = status;
    stream.responseReason = this.attempt.reason;
    stream.responseCodeDetails = 'via_upstream';
    if (stream.upgrading && status === 101) this.switchProtocols();
    if (!this.config.suppressEnvoyHeaders && stream.requestEnded && !stream.openEnded) {
      headers.setKnown(
        Known['x-envoy-upstream-service-time'],
        String(Math.floor(clock.now() - stream.marks.lastDownstreamRxByte)),
      );
    }
    const selectedHost = stream.selectedHost?.config;
    if (selectedHost?.includeAttemptCountInResponse)
      headers.setKnown(Known['x-envoy-attempt-count'], String(stream.attemptCount));
    this.account.count(status, this.attempt.host, headers);
    if (selectedHost !== undefined && stream.selected !== undefined) {
      manager.routeHeaders.applyResponse(stream, selectedHost, stream.selected.config, this.weighted);
    }
    if (end) this.complete();
    stream.filters.response(end);
  }

  /** The request goes on as one side of a tunnel, which lasts as long as its idle timeout lets it. */
  private switchProtocols(): void {
    this.stream.manager.worker.timers.cancel(this.clocks.global);
    this.body.reset();
  }

  /** The upstream neither agrees to the upgrade nor says that something is wrong: its head is handed on, and no body, as by Envoy. */
  private refuseSwitch(status: number, end: boolean): void {
    const { stream } = this;
    const theirs = this.attempt.responseHeaders;
    if (!end) this.attempt.cancel();
    this.done = true;
    sendLocalReply(stream, status, '', 'websocket_handshake_unsuccessful', ({ responseHeaders }) => {
      theirs.each((name, value) => {
        if (name !== 'content-length') responseHeaders.add(name, value);
      });
    });
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    if (end) this.complete();
    else this.activity();
    this.stream.filters.responseData(chunk, end);
  }

  onResponseTrailers(trailers: Headers): void {
    this.complete();
    this.stream.filters.responseTrailers(trailers);
  }

  /** The attempt has its whole response. */
  private complete(): void {
    this.done = true;
    const { stream } = this;
    stream.manager.worker.timers.cancel(this.clocks.global);
    const { marks } = stream;
    const took = clock.now() - (marks.lastDownstreamRxByte >= 0 ? marks.lastDownstreamRxByte : marks.start);
    this.account.time(took, this.attempt.host, this.globalTimeout);
    if (this.requestPaused) this.pauseRequest(false);
  }

  /** The attempt was broken off. */
  onReset(reason: ResetReason, details: string): void {
    const { stream } = this;
    const { manager } = stream;
    manager.worker.timers.cancel(this.clocks.perTry);
    this.timedOut = false;
    const reply = resetReply(reason, details);
    if (reason !== 'overflow') {
      this.attempt.host?.stats.rqError.inc();
    }
    if (this.responseStarted) {
      this.done = true;
      stream.flags |= reply.flag;
      stream.responseCodeDetails = `upstream_reset_after_response_started{${reply.name}}`;
      manager.routerStats.rqResetAfterDownstreamResponseStarted.inc();
      return manager.resetStream(stream);
    }
    let retried = stream.attemptCount > 1;
    if (this.retry !== undefined) {
      const verdict = this.retry.onReset(reason, this.attempt.sent);
      if (verdict === 'yes') return this.scheduleRetry();
      if (verdict === 'no_limit_exceeded') stream.flags |= Flag.UpstreamRetryLimitExceeded;
      else if (verdict === 'no_overflow') stream.flags |= Flag.UpstreamOverflow;
      retried ||= verdict === 'no_overflow';
    }
    stream.flags |= reply.flag;
    this.done = true;
    if (!this.interimSeen) this.account.count(reply.status, this.attempt.host);
    const body = `upstream connect error or disconnect/reset before headers. ${retried ? 'retried and the latest ' : ''}reset reason: ${reply.text}`;
    const overloaded = reason === 'overflow' && !this.config.suppressEnvoyHeaders;
    const when = this.interimSeen ? 'after' : 'before';
    sendLocalReply(stream, reply.status, body, `upstream_reset_${when}_response_started{${reply.name}}`, (answer) => {
      if (overloaded) answer.responseHeaders.setKnown(Known['x-envoy-overloaded'], 'true');
      this.decorate(answer);
    });
  }

  /** Adds what the route adds to every response, also to those that the router makes itself. */
  private decorate(stream: HttpStream): void {
    const host = stream.selectedHost?.config;
    if (host?.includeAttemptCountInResponse)
      stream.responseHeaders.setKnown(Known['x-envoy-attempt-count'], String(stream.attemptCount));
  }

  private scheduleRetry(): void {
    const { worker } = this.stream.manager;
    this.logAttempt();
    worker.timers.arm(this.clocks.backOff, (this.retry as RetryState).backOff(worker.random.uint32()));
  }

  tryAgain(): void {
    const { stream } = this;
    if (stream.finished || this.done) return;
    const cluster = this.cluster as Cluster;
    const { loadBalancer } = cluster;
    const minding = this.retry?.hostChoice(this.tried ?? [], stream);
    const host = loadBalancer.choose(minding ?? (loadBalancer.asksRequest ? this.choice : undefined));
    if (host === undefined) return this.noHealthyHost();
    stream.attemptCount++;
    if (stream.selectedHost?.config.includeIsTimeoutRetryHeader) {
      stream.requestHeaders.setKnown(Known['x-envoy-is-timeout-retry'], String(this.timedOut));
    }
    this.begin(host);
  }

  /** The request is whole: its time begins to count, and copies of it go out. */
  private requestWhole(): void {
    if (this.mirrors !== undefined) {
      const body = [...this.body.chunks];
      for (const { cluster, policy } of this.mirrors) sendMirror(this.stream, cluster, policy, body);
      this.mirrors = undefined;
    }
    if (this.globalTimeout > 0) this.stream.manager.worker.timers.arm(this.clocks.global, this.globalTimeout);
  }

  onTimeout(): void {
    const { stream } = this;
    if (stream.finished || this.done) return;
    this.account.timedOut();
    this.attempt.host?.stats.rqTimeout.inc();
    this.giveUp();
    stream.flags |= Flag.UpstreamRequestTimeout;
    if (this.responseStarted) {
      stream.responseCodeDetails = 'response_timeout';
      return stream.manager.resetStream(stream);
    }
    this.timeoutReply('response_timeout');
  }

  /** Something moved on this attempt. */
  private activity(): void {
    const idle = this.retry?.perTryIdleTimeout ?? 0;
    if (idle > 0) this.stream.manager.worker.timers.arm(this.clocks.perTryIdle, idle);
  }

  onPerTryIdle(): void {
    const { stream } = this;
    if (stream.finished || this.done) return;
    this.cluster?.stats.upstreamRqPerTryIdleTimeout.inc();
    if (this.responseStarted) {
      this.giveUp();
      stream.flags |= Flag.StreamIdleTimeout;
      stream.responseCodeDetails = 'upstream_per_try_idle_timeout';
      return stream.manager.resetStream(stream);
    }
    this.endAttempt('upstream_per_try_idle_timeout', Flag.UpstreamRequestTimeout);
  }

  /** The cluster's max_stream_duration is over. */
  onMaxDuration(): void {
    const { stream } = this;
    if (stream.finished || this.done) return;
    this.cluster?.stats.upstreamRqMaxDurationReached.inc();
    const { requestEnded } = stream;
    this.giveUp();
    stream.flags |= Flag.UpstreamMaxStreamDurationReached;
    if (this.responseStarted) {
      stream.responseCodeDetails = 'upstream_max_stream_duration_reached';
      return stream.manager.resetStream(stream);
    }
    const status = requestEnded ? 504 : 408;
    this.account.count(status, this.attempt.host);
    const body = 'upstream max stream duration reached';
    sendLocalReply(stream, status, body, 'upstream_max_stream_duration_reached', (reply) => this.decorate(reply));
  }

  onPerTryTimeout(): void {
    const { stream } = this;
    if (stream.finished || this.done || this.responseStarted) return;
    this.cluster?.stats.upstreamRqPerTryTimeout.inc();
    this.endAttempt('upstream_per_try_timeout', Flag.UpstreamRequestTimeout);
  }

  /** The attempt took too long: another one, or the end. */
  private endAttempt(details: string, flag: number): void {
    const { stream } = this;
    this.attempt.host?.stats.rqTimeout.inc();
    this.attempt.host?.stats.rqError.inc();
    this.attempt.cancel();
    this.timedOut = true;
    const verdict = this.retry?.onPerTryTimeout() ?? 'no';
    if (verdict === 'yes') return this.scheduleRetry();
    if (verdict === 'no_limit_exceeded') stream.flags |= Flag.UpstreamRetryLimitExceeded;
    else if (verdict === 'no_overflow') stream.flags |= Flag.UpstreamOverflow;
    stream.flags |= flag;
    this.done = true;
    this.timeoutReply(details);
  }

  private timeoutReply(details: string): void {
    const { stream } = this;
    this.account.count(504, this.attempt.host);
    sendLocalReply(stream, 504, 'upstream request timeout', details, (reply) => this.decorate(reply));
  }

  private logAttempt(): void {
    const { stream } = this;
    const { upstreamLogs } = stream.manager;
    if (upstreamLogs.length === 0) return;
    stream.accessLogType = 'UpstreamEnd';
    for (const log of upstreamLogs) log.log(stream);
  }

  private giveUp(): void {
    const { stream } = this;
    this.done = true;
    this.clocks.cancelAll(stream.manager.worker.timers);
    this.attempt.cancel();
  }

  /** The stream is over, whatever way. */
  end(): void {
    if (!this.started) return;
    this.clocks.cancelAll(this.stream.manager.worker.timers);
    this.retry?.release();
    if (!this.done) this.giveUp();
    if (this.stream.attemptCount > 0) this.logAttempt();
  }
}
