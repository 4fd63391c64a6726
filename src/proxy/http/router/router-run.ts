/**
 * The router for one stream, on the request's side: from the chosen route to a try at it, and to as many more as the retry policy allows. What
 * comes of them is upstream-answers.ts's and router-timeouts.ts's. Pooled with its stream.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */

import type { RouteAction } from '#config/model/route.ts';
import type { RouterConfig } from '#config/model/router.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { chooseUpstream, clusterRefuses } from '#proxy/http/router/choose-upstream.ts';
import { dropAside, standAside } from '#proxy/http/router/hedging.ts';
import { mirrorClusters, mirrorPolicies } from '#proxy/http/router/mirror.ts';
import { type FeedOwner, RequestFeed } from '#proxy/http/router/request-feed.ts';
import { ResponseAccount } from '#proxy/http/router/response-account.ts';
import { RetryState, type RetryVerdict } from '#proxy/http/router/retry-state.ts';
import { applyRewrites } from '#proxy/http/router/rewrites.ts';
import { routeHeadersOf } from '#proxy/http/router/route-headers.ts';
import { replyNoHealthyHost, replyTooLargeToRetry } from '#proxy/http/router/router-replies.ts';
import { RouterTimers } from '#proxy/http/router/router-timers.ts';
import { endsHere, TcpTunnel } from '#proxy/http/router/tcp-tunnel.ts';
import { type RequestTimeouts, readTimeouts, tellTimeout } from '#proxy/http/router/timeouts.ts';
import { logTry } from '#proxy/http/router/try-info.ts';
import { UpstreamRequest } from '#proxy/http/router/upstream-request.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { RequestEncoder, RequestSource } from '#proxy/upstream/request-encoder.ts';
import type { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import { Known } from '#wire/known-headers.ts';

export class RouterRun implements FeedOwner {
  readonly stream: HttpStream;
  /** The request has reached the router. */
  started = false;
  /** The newest try, until the answer of an older one is taken: then that one. */
  attempt: UpstreamRequest;
  /** Older tries, of which those that are active go on beside it; only with hedging. */
  aside: UpstreamRequest[] | undefined = undefined;
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
  action: RouteAction | undefined = undefined;
  readonly feed: RequestFeed;
  readonly clocks: RouterTimers;
  /** For balancers that look at the request. */
  private readonly choice: LoadBalancerContext;
  readonly timeouts: RequestTimeouts = { global: 0, perTry: 0, perTryIdle: 0, hedged: false, tellsGrpc: false };
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
    this.aside = undefined;
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

  get config(): RouterConfig {
    return this.stream.manager.router;
  }

  private get priority(): 'DEFAULT' | 'HIGH' {
    return this.action?.priority ?? 'DEFAULT';
  }

  /** Nothing that happens to an attempt matters any more. */
  get over(): boolean {
    return this.done || this.stream.finished;
  }

  get hedged(): boolean {
    return this.timeouts.hedged;
  }

  /** Another try begins in a while. */
  get retryScheduled(): boolean {
    return this.clocks.backOff.armed;
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
    const { timeouts } = this;
    readTimeouts(stream, action, virtualHost.config, this.config, timeouts);
    tellTimeout(stream.requestHeaders, timeouts, this.config, 0);
    const host = loadBalancer.choose(loadBalancer.asksRequest ? this.choice : undefined);
    if (host === undefined) return this.noHealthyHost();
    const { http } = cluster.config;
    const policy = http.retryPolicy ?? action.retryPolicy ?? virtualHost.config.retryPolicy;
    this.retry = RetryState.of(stream, cluster, this.account, policy, action.priority, timeouts.perTry);
    this.tellAttempt();
    routeHeadersOf(virtualHost).applyRequest(stream, virtualHost.config, route.config, weighted);
    if (!isForwarded) applyRewrites(stream, route, action, weighted, host, suppressEnvoyHeaders);
    const policies = http.requestMirrorPolicies ?? mirrorPolicies(action, virtualHost);
    if (policies.length > 0 && !stream.upgrading) this.feed.mirrors = mirrorClusters(stream, policies);
    this.feed.begin(this.retry !== undefined || action.internalRedirectPolicy !== undefined, end);
    this.begin(host);
  }

  private noHealthyHost(): void {
    this.cluster?.stats.upstreamCxNoneHealthy.inc();
    this.giveUp();
    replyNoHealthyHost(this);
  }

  private begin(host: Host): void {
    if (this.retry !== undefined) {
      this.tried ??= [];
      this.tried.push(host);
    }
    const { stream } = this;
    const cluster = (this.cluster as Cluster).ownerOf(host);
    if (stream.manager.config.schemeHeaderTransformation?.matchUpstream) {
      stream.scheme = cluster.transports.tlsFor(host) === undefined ? 'http' : 'https';
    }
    stream.upstream = undefined;
    stream.marks.upstreamPoolAsked = clock.now();
    stream.marks.upstreamPoolAnswered = -1;
    this.responseStarted = false;
    const source = this.sourceFor(cluster, host);
    if (source !== undefined) return this.attempt.begin(host, source);
    this.giveUp();
    replyNoHealthyHost(this);
  }

  private tellAttempt(): void {
    const { selectedHost, requestHeaders, attemptCount } = this.stream;
    if (selectedHost?.config.includeRequestAttemptCount)
      requestHeaders.setKnown(Known['x-envoy-attempt-count'], String(attemptCount));
  }

  /** @returns undefined where the cluster has no room for another pool */
  private sourceFor(cluster: Cluster, host: Host): RequestSource | undefined {
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
    if (this.feed.ended) this.attempt.beginTimeouts(this.timeouts.perTry, this.timeouts.perTryIdle);
    this.feed.connect(encoder);
  }

  /** A try has a connection: those before it are behind. */
  supersede(): void {
    if (this.aside !== undefined) for (const other of this.aside) other.supersede();
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
    const { global, perTry, perTryIdle } = this.timeouts;
    if (global > 0) this.stream.manager.worker.timers.arm(this.clocks.global, global);
    if (this.attempt.encoder !== undefined) this.attempt.beginTimeouts(perTry, perTryIdle);
  }

  onTooLargeToRepeat(): boolean {
    this.cluster?.stats.retryOrShadowAbandoned.inc();
    this.dropRetries();
    if (this.attempt.active) return true;
    this.giveUp();
    replyTooLargeToRetry(this);
    return false;
  }

  dropRetries(): void {
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
  onAttemptOver(attempt: UpstreamRequest, milliseconds: number): void {
    const { cluster, stream } = this;
    if (cluster?.timeoutBudget === undefined && cluster?.sizes === undefined) return;
    const headers = this.responseStarted ? stream.responseHeaders : attempt.responseHeaders;
    this.account.attemptOver(stream, milliseconds, this.timeouts.perTry, headers);
  }

  /** The body that goes along when the request begins anew. */
  keptBody(): Buffer[] {
    return [...(this.feed.whole ?? [])];
  }

  /** Notes why a retry is not to be. @returns whether there is to be another attempt */
  heeds(verdict: RetryVerdict | undefined): boolean {
    const { stream } = this;
    if (verdict === 'no_limit_exceeded') stream.flags |= Flag.UpstreamRetryLimitExceeded;
    else if (verdict === 'no_overflow') stream.flags |= Flag.UpstreamOverflow;
    return verdict === 'yes';
  }

  /** @param timedOut the attempt before it met its own timeout */
  scheduleRetry(timedOut: boolean): void {
    const { worker } = this.stream.manager;
    this.timedOut = timedOut;
    worker.timers.arm(this.clocks.backOff, (this.retry as RetryState).backOff(worker.random.uint32()));
  }

  tryAgain(): void {
    const { stream } = this;
    if (this.over) return;
    this.retry?.begins();
    const cluster = this.cluster as Cluster;
    const { loadBalancer } = cluster;
    const minding = this.retry?.hostChoice(this.tried ?? [], stream);
    const host = loadBalancer.choose(minding ?? (loadBalancer.asksRequest ? this.choice : undefined));
    if (host === undefined) return this.noHealthyHost();
    stream.attemptCount++;
    this.tellAttempt();
    const { lastDownstreamRxByte } = stream.marks;
    const elapsed = stream.requestEnded ? Math.floor(clock.now() - lastDownstreamRxByte) : 0;
    tellTimeout(stream.requestHeaders, this.timeouts, this.config, elapsed);
    if (stream.selectedHost?.config.includeIsTimeoutRetryHeader) {
      stream.requestHeaders.setKnown(Known['x-envoy-is-timeout-retry'], String(this.timedOut));
    }
    if (this.attempt.active) standAside(this, new UpstreamRequest(this));
    else this.attempt.aside = undefined;
    this.begin(host);
  }

  /** Nothing more is wanted of the newest attempt. @param whole its answer has ended */
  drop(attempt: UpstreamRequest, whole = false): void {
    this.feed.disconnect();
    attempt.drop(whole);
    logTry(this, attempt);
  }

  giveUp(): void {
    this.done = true;
    this.clocks.cancelAll(this.stream.manager.worker.timers);
    if (this.aside !== undefined) dropAside(this);
    this.feed.disconnect();
    this.attempt.cancel();
  }

  /** The stream is over, whatever way. */
  end(): void {
    if (!this.started) return;
    this.clocks.cancelAll(this.stream.manager.worker.timers);
    this.retry?.release();
    if (!this.done) this.giveUp();
    if (this.stream.attemptCount > 0) logTry(this, this.attempt);
  }
}
