/**
 * The HTTP connection manager of one filter chain on one worker: requests come from codecs, are prepared, routed and sent through the
 * filters; responses go back the same way; streams and connections are timed and counted.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/http_conn_man
 */

import { logger } from '#base/logger.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouterConfig } from '#config/model/router.ts';
import { acceptTarget, findsClient, refusesUnderscores } from '#proxy/http/accept-request.ts';
import { noteCluster } from '#proxy/http/cluster-of.ts';
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { FilterChains, HttpFilterChain } from '#proxy/http/filters-in-use.ts';
import { HttpConnections } from '#proxy/http/http-connections.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { type CompiledLocalReply, sendLocalReply } from '#proxy/http/local-reply.ts';
import { prepareRequestHeaders } from '#proxy/http/request-headers.ts';
import { prepareResponseHeaders } from '#proxy/http/response-headers.ts';
import { type RouteSource, routeSource } from '#proxy/http/route-tables.ts';
import { limitDuration } from '#proxy/http/stream-duration.ts';
import { Upgrades } from '#proxy/http/upgrades.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { routeTiming } from '#proxy/observe/format/operators/route-operators.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import {
  type Http1CodecStats,
  type HttpListenerStats,
  type HttpStats,
  http1CodecStats,
  httpListenerStats,
  httpStats,
  httpTracingStats,
  type RouterStats,
  routerStats,
} from '#proxy/observe/stats/http-stats.ts';
import { type Http2CodecStats, http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import { http2SessionOptions } from '#proxy/transport/http2-session-options.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { chooseCluster } from '#selection/choose-cluster.ts';
import { compileClientCert } from '#selection/client-cert-forwarding.ts';
import { internalAddressTest } from '#selection/internal-address.ts';
import { compileOriginalIp, type OriginalIpDetection } from '#selection/original-ip.ts';
import { type PathRules, pathRules } from '#selection/path-normalization.ts';
import { selectRoute } from '#selection/select-route.ts';
import { hostForMatching, selectVirtualHost } from '#selection/select-virtual-host.ts';
import { Headers } from '#wire/headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';
import type { RequestHead } from '#wire/http1/head.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { isHostText } from '#wire/http1/request-target.ts';
import type { SessionOptions } from '#wire/http2/session-options.ts';
import { Known } from '#wire/known-headers.ts';

/** What a filter chain gives a connection manager besides its configuration. */
export interface ConnectionManagerParts {
  worker: WorkerContext;
  /** Prefix of the listener's stats: `listener.127.0.0.1_8000`. */
  listenerScope: string;
  filters: HttpFilterChain;
  upgrades: ReadonlyMap<string, HttpFilterChain>;
  router: RouterConfig;
  accessLogs: AccessLogger[];
  /** The router's own, one record for each attempt. */
  upstreamLogs: AccessLogger[];
  localReply: CompiledLocalReply;
  /** Whether connections of this listener are to close as their requests end. */
  drainsNow: () => boolean;
}

export class ConnectionManager {
  readonly config: HttpConnectionManager;
  readonly worker: WorkerContext;
  readonly stats: HttpStats;
  readonly listenerStats: HttpListenerStats;
  readonly routerStats: RouterStats;
  readonly codecStats: Http1CodecStats;
  /** The router that ends the filters. */
  readonly router: RouterConfig;
  private filters: HttpFilterChain;
  private upgradeFilters: ReadonlyMap<string, HttpFilterChain>;
  readonly localReply: CompiledLocalReply;
  readonly log = logger('http');
  readonly isInternalAddress: (address: string) => boolean;
  readonly clientCertFor: ReturnType<typeof compileClientCert>;
  private readonly originalIp: OriginalIpDetection | undefined;
  readonly headBytesLimit: number;
  /** Filled by the parser, read at once: one for all connections of the thread. */
  readonly requestHead: RequestHead = { method: '', target: '', minor: 1, headers: new Headers() };
  readonly connections: HttpConnections;
  readonly upgrades: Upgrades;
  readonly routes: RouteSource;
  readonly upstreamLogs: readonly AccessLogger[];
  private readonly accessLogs: AccessLogger[];
  private readonly drainsNow: () => boolean;
  readonly pathRules: PathRules;
  private http2CodecStats: Http2CodecStats | undefined = undefined;
  private sessionOptions: SessionOptions | undefined = undefined;

  constructor(config: HttpConnectionManager, parts: ConnectionManagerParts) {
    this.config = config;
    this.worker = parts.worker;
    this.filters = parts.filters;
    this.upgradeFilters = parts.upgrades;
    this.accessLogs = parts.accessLogs;
    this.upstreamLogs = parts.upstreamLogs;
    this.localReply = parts.localReply;
    this.drainsNow = parts.drainsNow;
    this.router = parts.router;
    const scope = this.worker.scope.scope(`http.${config.statPrefix}`);
    this.stats = httpStats(scope);
    this.routerStats = routerStats(scope);
    httpTracingStats(scope);
    this.codecStats = http1CodecStats(this.worker.scope.scope('http1'));
    this.listenerStats = httpListenerStats(this.worker.scope.scope(`${parts.listenerScope}.http.${config.statPrefix}`));
    this.isInternalAddress = internalAddressTest(config.internalAddressConfig);
    this.originalIp = config.originalIpDetection && compileOriginalIp(config.originalIpDetection);
    this.clientCertFor = compileClientCert(config);
    this.upgrades = new Upgrades(config);
    this.connections = new HttpConnections(this);
    this.headBytesLimit = config.maxRequestHeadersKb * 1024;
    this.routes = routeSource(config, this.worker);
    this.pathRules = pathRules(config, this.worker.runtime, this.worker.random.uint32());
  }

  /** For requests from now on. */
  setFilters({ filters, upgrades }: FilterChains): void {
    this.filters = filters;
    this.upgradeFilters = upgrades;
  }

  internalOnlyHeaders(stream: HttpStream): readonly string[] {
    return this.routes.tableFor(stream)?.config.internalOnlyHeaders ?? NO_NAMES;
  }

  /** The stats of HTTP/2, made with the first connection that speaks it. */
  http2Stats(): Http2CodecStats {
    this.http2CodecStats ??= http2CodecStats(this.worker.scope.scope('http2'));
    return this.http2CodecStats;
  }

  /** What sessions of HTTP/2 are told. @param bufferLimit that of the connection, which is the same for all of them */
  http2Options(bufferLimit: number): SessionOptions {
    const { common, http2, maxRequestHeadersKb, streamErrorOnInvalidHttpMessage } = this.config;
    this.sessionOptions ??= http2SessionOptions(http2, {
      role: 'server',
      maxHeaderListBytes: maxRequestHeadersKb * 1024,
      maxHeadersCount: common.maxHeadersCount,
      streamErrorOnInvalidMessage: streamErrorOnInvalidHttpMessage,
      bufferLimit,
    });
    return this.sessionOptions;
  }

  onStreamBegin(stream: HttpStream, connection: ServerConnection): void {
    const { stats, config, worker } = this;
    stats.downstreamRqTotal.inc();
    (connection.multiplexed ? stats.downstreamRqHttp2Total : stats.downstreamRqHttp1Total).inc();
    stats.downstreamRqActive.inc();
    if (!connection.begun) this.connections.begin(connection);
    if (connection.softDraining) connection.closing = true;
    const maximum = config.common.maxRequestsPerConnection;
    if (maximum > 0 && connection.requests >= maximum) {
      if (connection.multiplexed) this.connections.drain(connection);
      else connection.closing = true;
      stats.downstreamCxMaxRequestsReached.inc();
    }
    if (config.streamIdleTimeout > 0) worker.timers.arm(stream.idleTimer, config.streamIdleTimeout);
    if (config.requestTimeout > 0) worker.timers.arm(stream.requestTimer, config.requestTimeout);
    const duration = config.common.maxStreamDuration;
    if (duration !== undefined && duration > 0) worker.timers.arm(stream.maxDurationTimer, duration);
  }

  /** A request's head is whole, its host, path and method in `stream`: from the codec. */
  onRequest(stream: HttpStream, options: ConnectionOptions, end: boolean): void {
    const { config } = this;
    const headers = stream.requestHeaders;
    if (!isHostText(stream.host)) return stream.codec.refuse(stream, ParseError.InvalidHost);
    if (config.common.headersWithUnderscoresAction !== 'ALLOW' && refusesUnderscores(stream, this)) return;
    stream.connection.protocol = stream.protocol;
    if (
      headers.hasKnown(Known.expect) &&
      !config.proxy100Continue &&
      headers.getKnown(Known.expect)?.toLowerCase() === '100-continue'
    ) {
      headers.removeKnown(Known.expect);
      if (stream.protocol !== 'HTTP/1.0' && !end) stream.codec.sendInterim(stream, 100, noHeaders);
    }
    if (!acceptTarget(stream, this)) return;
    if (this.originalIp !== undefined && !findsClient(stream, this, this.originalIp)) return;
    prepareRequestHeaders(stream, this, options);
    this.enterFilters(stream, options.upgrade, end);
  }

  /** Chooses the route, and begins the walk through the filters. */
  private enterFilters(stream: HttpStream, upgrade: boolean, end: boolean): void {
    const { worker } = this;
    this.chooseRoute(stream);
    this.useRouteTimeouts(stream);
    if (end && !stream.openEnded) worker.timers.cancel(stream.requestTimer);
    if (this.accessLogs.length > 0) this.startAccessLog(stream);
    if ((upgrade || stream.method === 'CONNECT') && this.refusesUpgrade(stream)) return;
    const chain = stream.upgrading ? (this.upgradeFilters.get(upgradeTypeOf(stream)) ?? this.filters) : this.filters;
    stream.filters.request(chain.forwards, chain.backwards, end);
  }

  /**
   * An upstream sends the request elsewhere: it ends here with that answer, and begins anew with the head that it has by now, as a stream
   * of its own in stats and logs. Follows Envoy's ActiveStream::recreateStream.
   */
  beginAgain(stream: HttpStream): void {
    if (stream.finished) return;
    const connection = stream.codec as ServerConnection;
    const body = stream.filters.router.keptBody();
    this.finish(stream);
    stream.beginAgain();
    connection.requests++;
    this.onStreamBegin(stream, connection);
    if (!acceptTarget(stream, this)) return;
    this.enterFilters(stream, false, body.length === 0);
    for (let i = 0; i < body.length; i++) {
      // Counted again, as by Envoy.
      stream.bytesReceived += body[i].length;
      this.onRequestData(stream, body[i], i === body.length - 1);
    }
  }

  private useRouteTimeouts(stream: HttpStream): void {
    const { timers } = this.worker;
    const action = stream.selected?.config.action;
    if (action?.kind !== 'route') return;
    if (action.idleTimeout !== undefined) {
      if (action.idleTimeout > 0) timers.arm(stream.idleTimer, action.idleTimeout);
      else timers.cancel(stream.idleTimer);
    }
    limitDuration(stream, action);
  }

  /** A filter has changed what routes go by, or there are routes that were not there before. */
  chooseRouteAgain(stream: HttpStream): void {
    this.chooseRoute(stream);
    this.useRouteTimeouts(stream);
    noteCluster(stream);
  }

  /** Lets an upgrade or a CONNECT go on, or answers it. */
  private refusesUpgrade(stream: HttpStream): boolean {
    if (this.upgrades.allows(upgradeTypeOf(stream), stream.selected)) {
      stream.upgrading = true;
      this.stats.downstreamCxUpgradesTotal.inc();
      this.stats.downstreamCxUpgradesActive.inc();
      return false;
    }
    // Who has no route is told so.
    if (stream.selected === undefined) return false;
    this.stats.downstreamRqWsOnNonWsRoute.inc();
    const { action } = stream.selected.config;
    if (action.kind === 'route') {
      const { name } = chooseCluster(action, stream, stream.random, this.worker.runtime);
      stream.clusterName = name;
      stream.cluster = this.worker.clusters.get(name)?.config;
    }
    sendLocalReply(stream, 403, '', 'upgrade_failed');
    return true;
  }

  onRequestData(stream: HttpStream, chunk: Buffer, end: boolean): void {
    if (stream.finished || stream.responseEnded) return;
    if (end) this.worker.timers.cancel(stream.requestTimer);
    if (stream.idleTimer.armed) this.worker.timers.arm(stream.idleTimer, stream.idleTimer.list?.duration ?? 0);
    stream.filters.requestData(chunk, end);
  }

  onRequestTrailers(stream: HttpStream, trailers: Headers): void {
    if (stream.finished || stream.responseEnded) return;
    this.worker.timers.cancel(stream.requestTimer);
    stream.requestTrailers = trailers;
    stream.filters.requestTrailers(trailers);
  }

  /** Chooses virtual host and route by the request as it is now. */
  chooseRoute(stream: HttpStream): void {
    const began = routeTiming.wanted ? performance.now() : 0;
    const table = this.routes.tableFor(stream);
    const host = table === undefined ? undefined : selectVirtualHost(table, hostForMatching(table, stream));
    stream.selectedHost = host;
    stream.selected = host === undefined ? undefined : selectRoute(host, stream);
    stream.routeResolutions++;
    if (routeTiming.wanted) stream.routeResolutionTime = (performance.now() - began) * 1000;
  }

  /* Responses, from the filters on their way to the codec. */

  sendHeaders(stream: HttpStream, end: boolean): void {
    const connection = stream.codec as ServerConnection;
    prepareResponseHeaders(stream, this);
    if (!stream.requestEnded || stream.openEnded) {
      if (stream.openEnded) this.worker.timers.cancel(stream.requestTimer);
      if (!connection.multiplexed) connection.closing = true;
      this.stats.downstreamRqResponseBeforeRqComplete.inc();
    }
    if (!connection.closing && !(connection.multiplexed && connection.draining) && this.drainsNow()) {
      if (connection.multiplexed) this.connections.drain(connection);
      else connection.closing = true;
      this.stats.downstreamCxDrainClose.inc();
    }
    stream.responseStarted = true;
    stream.marks.firstDownstreamTxByte = clock.now();
    this.countStatus(stream.responseCode);
    if (end) stream.responseEnded = true;
    connection.sendHeaders(stream, end);
  }

  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void {
    if (stream.finished) return;
    if (end) stream.responseEnded = true;
    else if (stream.idleTimer.armed) this.worker.timers.arm(stream.idleTimer, stream.idleTimer.list?.duration ?? 0);
    stream.codec.sendData(stream, chunk, end);
  }

  sendTrailers(stream: HttpStream, trailers: Headers): void {
    if (stream.finished) return;
    stream.responseTrailers = trailers;
    stream.responseEnded = true;
    stream.codec.sendTrailers(stream, trailers);
  }

  /** Everything was handed over, or the stream was cut off: from the codec. The stream is returned to its pool after this. */
  onStreamEnd(stream: HttpStream): void {
    if (stream.finished) return;
    this.connections.countSent(stream.codec as ServerConnection);
    this.finish(stream);
  }

  private finish(stream: HttpStream): void {
    stream.finished = true;
    const { stats, worker } = this;
    const now = clock.now();
    stream.marks.complete = now;
    worker.timers.cancel(stream.idleTimer);
    worker.timers.cancel(stream.requestTimer);
    worker.timers.cancel(stream.maxDurationTimer);
    worker.timers.cancel(stream.accessLogTimer);
    stats.downstreamRqActive.dec();
    if (stream.upgrading) stats.downstreamCxUpgradesActive.dec();
    stats.downstreamRqTime.record(Math.round(now - stream.marks.start));
    stream.filters.end();
    if (this.accessLogs.length > 0) {
      stream.accessLogType = 'DownstreamEnd';
      for (const log of this.accessLogs) log.log(stream);
    }
  }

  /** A connection goes with requests under way. */
  onConnectionLost(connection: ServerConnection): void {
    const { stats } = this;
    stats.downstreamCxDestroyActiveRq.inc();
    if (connection.closedByUs) stats.downstreamCxDestroyLocalActiveRq.inc();
    else stats.downstreamCxDestroyRemoteActiveRq.inc();
  }

  /** Notes why a stream is broken off by its client. */
  noteReset(stream: HttpStream, flag: number, details: string): void {
    if (stream.finished) return;
    this.stats.downstreamRqRxReset.inc();
    stream.flags |= flag;
    stream.responseCodeDetails = details;
  }

  /** The client of HTTP/1 went away in the middle. */
  onDownstreamReset(stream: HttpStream): void {
    if (stream.finished) return;
    this.stats.downstreamCxDestroyActiveRq.inc();
    if (!stream.codec.connection.terminationDetails) this.stats.downstreamCxDestroyRemoteActiveRq.inc();
    const known = stream.responseCodeDetails !== '' && stream.responseCodeDetails !== 'via_upstream';
    const details = known ? stream.responseCodeDetails : 'downstream_remote_disconnect';
    this.noteReset(stream, Flag.DownstreamConnectionTermination, details);
    stream.codec.resetStream(stream);
  }

  /** Nothing can be sent any more: the upstream broke off in the middle of its response. */
  resetStream(stream: HttpStream): void {
    this.stats.downstreamRqTxReset.inc();
    this.stats.downstreamRqRxReset.inc();
    stream.codec.resetStream(stream);
  }

  onAccessLogInterval(stream: HttpStream): void {
    if (stream.finished) return;
    this.logNow(stream, 'DownstreamPeriodic');
    this.worker.timers.arm(stream.accessLogTimer, this.config.accessLogOptions.flushInterval);
  }

  /** An error in our own code: it costs one connection, never the process. */
  onBug(error: unknown): void {
    this.worker.onBug(error);
  }

  private startAccessLog(stream: HttpStream): void {
    const options = this.config.accessLogOptions;
    if (options.flushOnNewRequest) this.logNow(stream, 'DownstreamStart');
    if (options.flushInterval > 0) this.worker.timers.arm(stream.accessLogTimer, options.flushInterval);
  }

  private logNow(stream: HttpStream, type: string): void {
    stream.accessLogType = type;
    for (const log of this.accessLogs) log.log(stream);
  }

  /** Counts a response's head, an informational one too. */
  countStatus(status: number): void {
    const { stats, listenerStats } = this;
    const kind = ((status / 100) | 0) - 1;
    stats.downstreamRqCompleted.inc();
    listenerStats.downstreamRqCompleted.inc();
    if (kind < 0 || kind > 4) return;
    stats.downstreamRqXx[kind].inc();
    listenerStats.downstreamRqXx[kind].inc();
  }
}

/** `connect`, `websocket`: in lower case, as upgrades are configured. */
function upgradeTypeOf({ method, requestHeaders }: HttpStream): string {
  return method === 'CONNECT' ? 'connect' : (requestHeaders.getKnown(Known.upgrade) ?? '').toLowerCase();
}

const NO_NAMES: readonly string[] = [];
const noHeaders = new Headers();
