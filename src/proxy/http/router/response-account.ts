/**
 * Where the router writes down one request's answers: its cluster, the virtual cluster and route group that it belongs to, the stat name
 * that its headers ask for. Pooled with its stream.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#statistics
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { type RequestGroup, RequestGroups } from '#proxy/http/router/request-groups.ts';
import type { AnswerCounts } from '#proxy/upstream/answer-counts.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { CompiledRoute, CompiledVirtualHost } from '#selection/compiled-route.ts';
import { isServiceError } from '#selection/grpc-status.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

export type RetryStat =
  | 'upstreamRqRetry'
  | 'upstreamRqRetryLimitExceeded'
  | 'upstreamRqRetryOverflow'
  | 'upstreamRqRetrySuccess';

export class ResponseAccount {
  private cluster: Cluster | undefined = undefined;
  private virtualCluster: RequestGroup | undefined = undefined;
  private routeGroup: RequestGroup | undefined = undefined;
  private alternative: AnswerCounts | undefined = undefined;
  private internal = false;
  private canary = false;
  /** The request is a call of gRPC. */
  private grpc = false;
  /** The cluster counts answers by their codes. */
  private byCode = true;
  /** What the host's answer is worth is not known before its end. */
  private pending = false;
  /** The host's head said nothing of its load: its trailers may. */
  private silent = false;

  /** The request goes to this cluster. Takes x-envoy-upstream-alt-stat-name out of it. */
  begin(stream: HttpStream, cluster: Cluster, host: CompiledVirtualHost, route: CompiledRoute): void {
    this.cluster = cluster;
    this.internal = stream.internal;
    this.virtualCluster = host.runtime === undefined ? undefined : RequestGroups.virtualCluster(host, stream);
    stream.virtualClusterName = this.virtualCluster?.name ?? '';
    this.routeGroup = route.runtime === undefined ? undefined : RequestGroups.route(route);
    const headers = stream.requestHeaders;
    this.grpc = isGrpc(headers.getKnown(Known['content-type']));
    this.byCode = !(this.grpc && stream.manager.router.suppressGrpcRequestFailureCodeStats);
    this.pending = false;
    this.silent = false;
    const name = headers.getKnown(Known['x-envoy-upstream-alt-stat-name']);
    if (name !== undefined) {
      headers.removeKnown(Known['x-envoy-upstream-alt-stat-name']);
      this.alternative = cluster.alternativeAnswers(name);
    }
  }

  reset(): void {
    this.cluster = undefined;
    this.virtualCluster = undefined;
    this.routeGroup = undefined;
    this.alternative = undefined;
  }

  /** An attempt has its connection. */
  attemptSent(): void {
    this.virtualCluster?.stats.upstreamRqTotal.inc();
    this.routeGroup?.stats.upstreamRqTotal.inc();
  }

  /** An answer that the client will not see, since the request is tried again. */
  countRetried(status: number): void {
    this.cluster?.answers.countRetried(status, this.byCode);
  }

  /** An answer by its code: the upstream's with its headers, or the one that the router makes in its place. */
  count(status: number, host: Host | undefined, headers?: Headers): void {
    this.canary = headers?.getKnown(Known['x-envoy-upstream-canary']) === 'true';
    this.cluster?.answers.count(status, this.internal, host, this.canary, this.byCode);
    this.alternative?.count(status, this.internal, host, this.canary, this.byCode);
    this.virtualCluster?.codes.count(status);
    this.routeGroup?.codes.count(status);
  }

  /** A host answers: whether well, the head says, or for a call of gRPC the trailers. */
  hostAnswered(host: Host | undefined, status: number, headers: Headers, end: boolean): void {
    const { cluster } = this;
    if (cluster?.endpointMetrics !== undefined && host !== undefined)
      this.silent = !cluster.endpointMetrics.note(host, headers);
    this.pending = this.grpc && !end && status < 500;
    if (this.pending) return;
    countOutcome(host, this.grpc && end ? isServiceError(headers.getKnown(Known['grpc-status'])) : status >= 500);
  }

  /** The answer is whole. */
  hostDone(host: Host | undefined, trailers: Headers | undefined): void {
    if (this.silent && trailers !== undefined && host !== undefined)
      this.cluster?.endpointMetrics?.note(host, trailers);
    this.silent = false;
    if (!this.pending) return;
    this.pending = false;
    countOutcome(host, isServiceError(trailers?.getKnown(Known['grpc-status'])));
  }

  /** The answer was broken off in the middle: what it was worth is told already, but of a call of gRPC. */
  hostBroke(stream: HttpStream, host: Host | undefined): void {
    if (!this.pending) return;
    this.pending = false;
    countOutcome(host, true);
    stream.manager.routerStats.rqResetAfterDownstreamResponseStarted.inc();
  }

  /** How long a whole answer took. @param milliseconds with fractions; @param timeout the request's, 0 where it has none. */
  time(milliseconds: number, host: Host | undefined, timeout: number): void {
    const whole = Math.round(milliseconds);
    const { cluster } = this;
    cluster?.answers.time(whole, this.internal, host, this.canary);
    cluster?.timeoutBudget?.upstreamRqTimeoutBudgetPercentUsed.record(percentOf(timeout, milliseconds));
    this.alternative?.time(whole, this.internal, host, this.canary);
    this.virtualCluster?.codes.time(whole);
    this.routeGroup?.codes.time(whole);
  }

  /** One attempt is over: how much of its own timeout it used, how large it was. @param response its headers; empty where none came. */
  attemptOver(stream: HttpStream, milliseconds: number, perTryTimeout: number, response: Headers): void {
    const { timeoutBudget, sizes } = this.cluster as Cluster;
    timeoutBudget?.upstreamRqTimeoutBudgetPerTryPercentUsed.record(percentOf(perTryTimeout, milliseconds));
    if (sizes === undefined) return;
    const { requestHeaders, method, path, scheme, host } = stream;
    sizes.upstreamRqHeadersSize.record(
      requestHeaders.byteSize() + method.length + path.length + scheme.length + host.length + PSEUDO_NAMES,
    );
    sizes.upstreamRqHeadersCount.record(requestHeaders.size + PSEUDO_COUNT);
    sizes.upstreamRqBodySize.record(stream.bytesReceived);
    if (response.size === 0) return;
    sizes.upstreamRsHeadersSize.record(response.byteSize() + STATUS);
    sizes.upstreamRsHeadersCount.record(response.size + 1);
    sizes.upstreamRsBodySize.record(stream.bytesSent);
  }

  /** What became of retries, by the names of the stats. */
  retry(stat: RetryStat): void {
    this.cluster?.stats[stat].inc();
    this.virtualCluster?.stats[stat].inc();
    this.routeGroup?.stats[stat].inc();
  }

  timedOut(): void {
    this.cluster?.stats.upstreamRqTimeout.inc();
    this.virtualCluster?.stats.upstreamRqTimeout.inc();
    this.routeGroup?.stats.upstreamRqTimeout.inc();
  }
}

function countOutcome(host: Host | undefined, failed: boolean): void {
  if (failed) host?.stats.rqError.inc();
  else host?.stats.rqSuccess.inc();
}

/** Envoy counts `:method`, `:path`, `:scheme` and `:authority` among the headers of a request, and `:status` and its value among a response's. */
const PSEUDO_NAMES = ':method:path:scheme:authority'.length;
const PSEUDO_COUNT = 4;
const STATUS = ':status200'.length;

function percentOf(timeout: number, milliseconds: number): number {
  return timeout === 0 ? 0 : Math.trunc((milliseconds * 100) / timeout);
}
