/**
 * The router for one stream: from the chosen route to a response, over as many attempts as the retry policy allows. Pooled with its stream.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */

import type { InternalRedirectPolicy, RouteAction } from '#config/model/route.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { chooseUpstream, clusterRefuses } from '#proxy/http/router/choose-upstream.ts';
import { redirectRequest, SEE_OTHER } from '#proxy/http/router/internal-redirect.ts';
import { mirrorClusters, mirrorPolicies } from '#proxy/http/router/mirror.ts';
import { type FeedOwner, RequestFeed } from '#proxy/http/router/request-feed.ts';
import { resetReply } from '#proxy/http/router/reset-reply.ts';
import { ResponseAccount } from '#proxy/http/router/response-account.ts';
import { RetryState, type RetryVerdict } from '#proxy/http/router/retry-state.ts';
import { applyRewrites } from '#proxy/http/router/rewrites.ts';
import { addRouteHeaders, routeHeadersOf } from '#proxy/http/router/route-headers.ts';
import { replyNoHealthyHost, replyReset, replyUpgradeRefused } from '#proxy/http/router/router-replies.ts';
import { RouterTimers } from '#proxy/http/router/router-timers.ts';
import { endsHere, TcpTunnel } from '#proxy/http/router/tcp-tunnel.ts';
import { type RequestTimeouts, readTimeouts, tellTimeout } from '#proxy/http/router/timeouts.ts';
import { UpstreamRequest } from '#proxy/http/router/upstream-request.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { RequestEncoder, RequestSource } from '#proxy/upstream/request-encoder.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import type { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import { Known } from '#wire/known-headers.ts';

export class RouterRun implements FeedOwner {
  readonly stream: HttpStream;
  /** The request has reached the router. */
  started = false;
  readonly attempt: UpstreamRequest;
  cluster: Cluster | undefined = undefined;
  retry: RetryState | undefined = undefined;
  readonly account = new ResponseAccount();
  responseStarted = false;
  /** No attempt is to be made any more, and none is under way. */
  done = false;
  /** The last attempt ended by its own timeout. */
  timedOut = false;
  /** An informational response came. */
  interimSeen = false;
  private action: RouteAction | undefined = undefined;
  private readonly feed: RequestFeed;
  private readonly clocks: RouterTimers;
  /** For balancers that look at the request. */
  private readonly choice: LoadBalancerContext;
  private readonly timeouts: RequestTimeouts = { global: 0, perTry: 0, hedged: false, tellsGrpc: false };
  private tried: Host[] | undefined = undefined;

  constructor(stream: HttpStream) {
    this.stream = stream;
    this.attempt = new UpstreamRequest(this);
    this.feed = new RequestFeed(this);
    this.clocks = new RouterTimers(this);
    this.choice = { request: stream, hostSelectionRetryCount: 0 };
  }

  reset(): void {
    if (!this.started) return;
    this.started = false;
    this.attempt.reset();
    this.cluster = undefined;
    this.action = undefined;
    this.retry = undefined;
    this.account.reset();
    this.tried = undefined;
    this.feed.reset();
    this.responseStarted = false;
    this.done = false;
    this.timedOut = false;
    this.interimSeen = false;
  }

  private get config(): RouterConfig {
    return this.stream.manager.router;
  }

  private get priority(): 'DEFAULT' | 'HIGH' {
    return this.action?.priority ?? 'DEFAULT';
  }

  /** Nothing that happens to an attempt matters any more. */
  get over(): boolean {
    return this.done || this.stream.finished;
  }

  /** The request's head arrives. */
  request(end: boolean): void {
    this.started = true;
    const { stream } = this;
    const { manager } = stream;
    manager.routerStats.rqTotal.inc();
    const chosen = chooseUpstream(stream);
    if (chosen === undefined) return;
    const { action, cluster, virtualHost, route, weighted } = chosen;
    this.action = action;
    this.cluster = cluster;
    if (clusterRefuses(stream, chosen)) return;
    this.account.begin(stream, cluster, virtualHost, route);
    stream.attemptCount = 1;
    const { suppressEnvoyHeaders } = this.config;
    const { loadBalancer } = cluster;
    // A forward proxy's host is the one that the upstream will be asked for.
    const isForwarded = cluster.config.discovery.kind === 'DYNAMIC_FORWARD_PROXY';
    if (isForwarded) applyRewrites(stream, route, action, weighted, undefined, suppressEnvoyHeaders);
    const host = loadBalancer.choose(loadBalancer.asksRequest ? this.choice : undefined);
    if (host === undefined) return this.noHealthyHost();
    const policy = action.retryPolicy ?? virtualHost.config.retryPolicy;
    const { timeouts } = this;
    readTimeouts(stream, action, policy?.perTryTimeout ?? 0, this.config, timeouts);
    tellTimeout(stream.requestHeaders, timeouts, this.config, 0);
    this.retry = RetryState.of(stream, cluster, this.account, policy, action.priority, timeouts.perTry);
    routeHeadersOf(virtualHost).applyRequest(stream, virtualHost.config, route.config, weighted);
    if (!isForwarded) applyRewrites(stream, route, action, weighted, host, suppressEnvoyHeaders);
    const policies = mirrorPolicies(action, virtualHost);
    if (policies.length > 0 && !stream.upgrading) this.feed.mirrors = mirrorClusters(stream, policies);
    this.feed.begin(this.retry !== undefined || action.internalRedirectPolicy !== undefined, end);
    this.begin(host);
  }

  private noHealthyHost(): void {
    this.done = true;
    replyNoHealthyHost(this);
  }

  private begin(host: Host): void {
    if (this.retry !== undefined) {
      this.tried ??= [];
      this.tried.push(host);
    }
    const { stream } = this;
    const cluster = (this.cluster as Cluster).ownerOf(host);
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
    this.attempt.begin(host, this.sourceFor(cluster, host));
  }

  private sourceFor(cluster: Cluster, host: Host): RequestSource {
    const { stream, action, priority } = this;
    const serverName = cluster.serverNameFor(stream);
    const proxyHeader = stream.manager.config.addProxyProtocolConnectionState
      ? cluster.proxyHeaderFor(host, stream.connection)
      : undefined;
    if (action !== undefined && action.upgradeConfigs.length > 0 && endsHere(stream, action))
      return new TcpTunnel({ cluster, host, priority, serverName, alpn: [], proxyHeader });
    return cluster.poolFor(host, priority, cluster.protocolFor(stream.protocol), serverName, proxyHeader);
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
    if (this.timeouts.perTry > 0) stream.manager.worker.timers.arm(this.clocks.perTry, this.timeouts.perTry);
    const longest = this.cluster?.config.http.common.maxStreamDuration ?? 0;
    if (longest > 0) stream.manager.worker.timers.arm(this.clocks.longest, longest);
    this.activity();
    this.feed.connect(encoder);
  }

  requestData(chunk: Buffer, end: boolean): void {
    if (!this.done && this.started) this.feed.data(chunk, end);
  }

  requestTrailers(trailers: Headers): void {
    if (!this.done && this.started) this.feed.trailers(trailers);
  }

  /** Goes at once to where the request goes, or waits until it does. */
  requestMetadata(fields: MetadataFields): void {
    const { stream, attempt } = this;
    if (this.done) return;
    if (attempt.encoder !== undefined) return attempt.encoder.sendMetadata(fields);
    stream.waitingMetadata ??= [];
    stream.waitingMetadata.push(fields);
  }

  onRequestWhole(): void {
    if (this.timeouts.global > 0) this.stream.manager.worker.timers.arm(this.clocks.global, this.timeouts.global);
  }

  onTooLargeToRepeat(): void {
    this.cluster?.stats.retryOrShadowAbandoned.inc();
    this.dropRetries();
  }

  private dropRetries(): void {
    this.retry?.release();
    this.retry = undefined;
  }

  /** The upstream connection takes no more of the body for now, or does again. */
  onRequestBlocked(blocked: boolean): void {
    const stats = this.cluster?.stats;
    if (blocked) stats?.upstreamFlowControlBackedUpTotal.inc();
    else stats?.upstreamFlowControlDrainedTotal.inc();
    this.feed.pause(blocked);
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
    this.account.attemptOver(stream, milliseconds, this.timeouts.perTry, headers);
  }

  onInterim(status: number, headers: Headers): void {
    const { stream } = this;
    if (this.interimSeen) return;
    this.account.count(status, this.attempt.host);
    // From now on nothing is tried again.
    this.interimSeen = true;
    this.dropRetries();
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
    if (this.retry !== undefined) {
      const verdict = this.retry.onResponse(status, headers, clock.wall());
      if (verdict === 'yes') {
        stream.responseCode = status;
        this.account.countRetried(status);
        if (!end) this.cancelAttempt();
      }
      if (this.retries(verdict)) return this.account.hostAnswered(host, status, headers, end);
      this.feed.settle();
    }
    if (this.action?.internalRedirectPolicy?.redirectResponseCodes.includes(status) && this.redirects(status, end))
      return;
    this.account.hostAnswered(host, status, headers, end);
    if (stream.upgrading && status < 400 && this.refusesSwitch(status)) return this.refuseSwitch(status, end);
    this.responseStarted = true;
    // The stream takes over the fields that the attempt was parsed into; no copy is made.
    this.attempt.responseHeaders = stream.responseHeaders;
    stream.responseHeaders = headers;
    stream.responseCode = status;
    stream.responseReason = this.attempt.reason;
    stream.responseCodeDetails = 'via_upstream';
    if (stream.switched) this.switchProtocols();
    if (!this.config.suppressEnvoyHeaders && stream.requestEnded && !stream.openEnded) {
      headers.setKnown(
        Known['x-envoy-upstream-service-time'],
        String(Math.floor(clock.now() - stream.marks.lastDownstreamRxByte)),
      );
    }
    const selectedHost = stream.selectedHost?.config;
    if (selectedHost?.includeAttemptCountInResponse)
      headers.setKnown(Known['x-envoy-attempt-count'], String(stream.attemptCount));
    for (const cookie of stream.cookiesToSet ?? []) headers.add('set-cookie', cookie);
    this.account.count(status, this.attempt.host, headers);
    addRouteHeaders(stream);
    if (end) this.complete();
    stream.filters.response(end);
  }

  /** Follows the answer's Location, if it may: the request begins anew. @returns whether it does */
  private redirects(status: number, end: boolean): boolean {
    const { stream, cluster, feed } = this;
    const { responseHeaders } = this.attempt;
    const policy = this.action?.internalRedirectPolicy as InternalRedirectPolicy;
    if (feed.whole === undefined || !redirectRequest(stream, policy, status, responseHeaders)) {
      cluster?.stats.upstreamInternalRedirectFailedTotal.inc();
      return false;
    }
    cluster?.stats.upstreamInternalRedirectSucceededTotal.inc();
    if (status === SEE_OTHER && stream.method === 'GET') feed.dropBody();
    if (!end) this.cancelAttempt();
    this.done = true;
    this.attempt.responseHeaders = stream.responseHeaders;
    stream.responseHeaders = responseHeaders;
    stream.responseCode = status;
    stream.responseCodeDetails = 'internal_redirect';
    // Not at once: the connection is still at this answer.
    const { timers } = stream.manager.worker;
    this.clocks.cancelAll(timers);
    timers.arm(this.clocks.redirect, 0);
    return true;
  }

  /** The body that goes along when the request begins anew. */
  keptBody(): Buffer[] {
    return [...(this.feed.whole ?? [])];
  }

  /** The request goes on as one side of a tunnel, which lasts as long as its idle timeout lets it. */
  private switchProtocols(): void {
    this.stream.manager.worker.timers.cancel(this.clocks.global);
    this.feed.drop();
  }

  /** An upstream of HTTP/1.1 must say that it switches to WebSocket, as by Envoy; others have said what they think by the status. */
  private refusesSwitch(status: number): boolean {
    const { requestHeaders, upstreamProtocol } = this.stream;
    if (status === 101 || upstreamProtocol !== 'HTTP/1.1') return false;
    return requestHeaders.getKnown(Known.upgrade)?.toLowerCase() === 'websocket';
  }

  private refuseSwitch(status: number, end: boolean): void {
    if (!end) this.cancelAttempt();
    this.done = true;
    replyUpgradeRefused(this, status);
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    if (end) {
      this.account.hostDone(this.attempt.host, undefined);
      this.complete();
    } else this.activity();
    this.stream.filters.responseData(chunk, end);
  }

  onResponseTrailers(trailers: Headers): void {
    this.account.hostDone(this.attempt.host, trailers);
    this.complete();
    this.stream.filters.responseTrailers(trailers);
  }

  onResponseMetadata(fields: MetadataFields): void {
    const { stream } = this;
    stream.codec.sendMetadata(stream, fields);
  }

  /** The attempt has its whole response. */
  private complete(): void {
    this.done = true;
    const { stream } = this;
    stream.manager.worker.timers.cancel(this.clocks.global);
    const { marks } = stream;
    const took = clock.now() - (marks.lastDownstreamRxByte >= 0 ? marks.lastDownstreamRxByte : marks.start);
    this.account.time(took, this.attempt.host, this.timeouts.global);
    this.feed.disconnect();
    this.feed.pause(false);
  }

  /** The attempt was broken off. */
  onReset(reason: ResetReason, details: string): void {
    const { stream } = this;
    const { manager } = stream;
    manager.worker.timers.cancel(this.clocks.perTry);
    this.timedOut = false;
    this.feed.disconnect();
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
    const verdict = this.retry?.onReset(reason, this.attempt.sent);
    if (this.retries(verdict)) return;
    stream.flags |= reply.flag;
    this.done = true;
    replyReset(this, reply, stream.attemptCount > 1 || verdict === 'no_overflow');
  }

  /** Does as the verdict says, and notes why a retry is not to be. @returns whether there will be another attempt */
  retries(verdict: RetryVerdict | undefined): boolean {
    const { stream } = this;
    if (verdict === 'yes') this.scheduleRetry();
    else if (verdict === 'no_limit_exceeded') stream.flags |= Flag.UpstreamRetryLimitExceeded;
    else if (verdict === 'no_overflow') stream.flags |= Flag.UpstreamOverflow;
    return verdict === 'yes';
  }

  private scheduleRetry(): void {
    const { worker } = this.stream.manager;
    this.feed.disconnect();
    this.logAttempt();
    worker.timers.arm(this.clocks.backOff, (this.retry as RetryState).backOff(worker.random.uint32()));
  }

  tryAgain(): void {
    const { stream } = this;
    if (this.over) return;
    const cluster = this.cluster as Cluster;
    const { loadBalancer } = cluster;
    const minding = this.retry?.hostChoice(this.tried ?? [], stream);
    const host = loadBalancer.choose(minding ?? (loadBalancer.asksRequest ? this.choice : undefined));
    if (host === undefined) return this.noHealthyHost();
    stream.attemptCount++;
    const { lastDownstreamRxByte } = stream.marks;
    const elapsed = stream.requestEnded ? Math.floor(clock.now() - lastDownstreamRxByte) : 0;
    tellTimeout(stream.requestHeaders, this.timeouts, this.config, elapsed);
    if (stream.selectedHost?.config.includeIsTimeoutRetryHeader) {
      stream.requestHeaders.setKnown(Known['x-envoy-is-timeout-retry'], String(this.timedOut));
    }
    this.begin(host);
  }

  /** Something moved on this attempt. */
  private activity(): void {
    const idle = this.retry?.perTryIdleTimeout ?? 0;
    if (idle > 0) this.stream.manager.worker.timers.arm(this.clocks.perTryIdle, idle);
  }

  private logAttempt(): void {
    const { stream } = this;
    const { upstreamLogs } = stream.manager;
    if (upstreamLogs.length === 0) return;
    stream.accessLogType = 'UpstreamEnd';
    for (const log of upstreamLogs) log.log(stream);
  }

  cancelAttempt(): void {
    this.feed.disconnect();
    this.attempt.cancel();
  }

  giveUp(): void {
    this.done = true;
    this.clocks.cancelAll(this.stream.manager.worker.timers);
    this.cancelAttempt();
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
