/**
 * The HTTP/1 connections of one worker to one host, for one routing priority: requests wait here for a connection, idle connections for
 * a request. Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling
 * and Envoy's ConnPoolImplBase: the connection that became free last is used first.
 */
import { logger } from '#base/logger.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { connectUpstream } from '#proxy/upstream/connect.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { Http1Client } from '#proxy/upstream/http1-client.ts';
import type { ResetReason, ResponseReceiver } from '#proxy/upstream/response-receiver.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** A request that wants a connection. */
export interface PoolWaiter extends ResponseReceiver {
  onPoolReady(client: Http1Client): void;
  /** @param tried the connection that failed; undefined where none was begun */
  onPoolFailure(reason: ResetReason, details: string, tried?: UpstreamInfo): void;
  /** The name that TLS to the upstream asks for, where the cluster takes it from the request. */
  readonly requestedServerName: string;
}

export class Http1Pool {
  readonly cluster: Cluster;
  readonly host: Host;
  readonly worker: WorkerContext;
  readonly headBytesLimit: number;
  readonly maxHeadersCount: number;
  readonly log = logger('pool');
  private readonly priority: 'DEFAULT' | 'HIGH';
  private readonly free: Http1Client[] = [];
  private readonly connecting = new Set<Http1Client>();
  private readonly busy = new Set<Http1Client>();
  private waiting: PoolWaiter[] = [];
  private draining = false;

  constructor(cluster: Cluster, host: Host, priority: 'DEFAULT' | 'HIGH') {
    this.cluster = cluster;
    this.host = host;
    this.priority = priority;
    this.worker = cluster.worker;
    const { common } = cluster.config.http;
    this.headBytesLimit = (common.maxResponseHeadersKb ?? 80) * 1024;
    this.maxHeadersCount = common.maxHeadersCount;
  }

  /** No connection, and nobody who waits for one. */
  get empty(): boolean {
    return this.free.length + this.connecting.size + this.busy.size + this.waiting.length === 0;
  }

  private get breakers() {
    return this.cluster.breakers[this.priority];
  }

  /** Gives `waiter` a connection at once, or when one is there, or says why it cannot. */
  request(waiter: PoolWaiter): void {
    const { stats } = this.cluster;
    if (this.free.length > 0) {
      const client = this.free.pop() as Http1Client;
      this.worker.timers.cancel(client.idleTimer);
      if (this.attach(client, waiter)) return;
      this.free.push(client);
      return;
    }
    if (!this.breakers.pendingRequests.canCreate()) {
      stats.upstreamRqPendingOverflow.inc();
      waiter.onPoolFailure('overflow', '');
      return;
    }
    this.breakers.pendingRequests.inc();
    stats.upstreamRqPendingTotal.inc();
    stats.upstreamRqPendingActive.inc();
    this.waiting.push(waiter);
    this.connectForWaiting();
  }

  /** The waiter does not wait any longer. */
  cancel(waiter: PoolWaiter): void {
    const i = this.waiting.indexOf(waiter);
    if (i < 0) return;
    this.waiting.splice(i, 1);
    this.stopWaiting();
    this.cluster.stats.upstreamRqCancelled.inc();
  }

  private stopWaiting(): void {
    this.breakers.pendingRequests.dec();
    this.cluster.stats.upstreamRqPendingActive.dec();
  }

  private attach(client: Http1Client, waiter: PoolWaiter): boolean {
    const { stats } = this.cluster;
    if (!this.breakers.requests.canCreate()) {
      stats.upstreamRqActiveOverflow.inc();
      waiter.onPoolFailure('overflow', '', client.info);
      return false;
    }
    this.breakers.requests.inc();
    stats.upstreamRqTotal.inc();
    stats.upstreamRqActive.inc();
    this.host.stats.rqTotal.inc();
    this.host.stats.rqActive.add(1);
    this.busy.add(client);
    client.attach(waiter);
    waiter.onPoolReady(client);
    return true;
  }

  private connectForWaiting(): void {
    const { config, stats } = this.cluster;
    const ratio = Math.max(1, config.preconnect.perUpstreamRatio);
    const wanted =
      Math.ceil((this.waiting.length + (ratio > 1 ? this.busy.size : 0)) * ratio) - (ratio > 1 ? this.busy.size : 0);
    while (this.connecting.size < wanted) {
      const none = this.connecting.size + this.busy.size + this.free.length === 0;
      if (!this.breakers.connections.canCreate()) {
        stats.upstreamCxOverflow.inc();
        if (!none) return;
      }
      this.connect();
    }
  }

  private connect(): void {
    const { cluster, host } = this;
    const { stats } = cluster;
    stats.upstreamCxTotal.inc();
    stats.upstreamCxActive.inc();
    stats.upstreamCxHttp1Total.inc();
    host.stats.cxTotal.inc();
    host.stats.cxActive.add(1);
    this.breakers.connections.inc();
    const client = connectUpstream(
      this,
      this.waiting[0]?.requestedServerName ?? '',
      (socket, info) => new Http1Client(this, socket, info),
    );
    client.connectStart = clock.now();
    this.connecting.add(client);
    this.worker.timers.arm(client.connectTimer, cluster.config.connectTimeout);
  }

  onConnected(client: Http1Client): void {
    const { config, stats } = this.cluster;
    const { timers } = this.worker;
    this.connecting.delete(client);
    timers.cancel(client.connectTimer);
    client.connectEnd = clock.now();
    stats.upstreamCxConnectMs.record(Math.round(client.connectEnd - client.connectStart));
    const duration = config.http.common.maxConnectionDuration;
    if (duration !== undefined && duration > 0) timers.arm(client.durationTimer, duration);
    this.offer(client);
  }

  /** A response is whole, and its connection free (`reusable`) or on its way out. */
  onFree(client: Http1Client, reusable: boolean): void {
    if (!this.busy.delete(client)) return;
    this.breakers.requests.dec();
    this.cluster.stats.upstreamRqActive.dec();
    this.host.stats.rqActive.add(-1);
    if (!reusable) return;
    if (this.draining) {
      client.close();
      return;
    }
    this.offer(client);
  }

  private offer(client: Http1Client): void {
    const waiter = this.waiting.shift();
    if (waiter !== undefined) {
      this.stopWaiting();
      if (this.attach(client, waiter)) return;
    }
    if (client.closed) return;
    this.free.push(client);
    const { idleTimeout } = this.cluster.config.http.common;
    if (idleTimeout > 0) this.worker.timers.arm(client.idleTimer, idleTimeout);
  }

  onConnectTimeout(client: Http1Client): void {
    this.cluster.stats.upstreamCxConnectTimeout.inc();
    client.timedOut = true;
    client.socket.destroy();
  }

  onIdle(client: Http1Client): void {
    if (!client.idle) return;
    this.cluster.stats.upstreamCxIdleTimeout.inc();
    client.close();
  }

  onMaxDuration(client: Http1Client): void {
    this.cluster.stats.upstreamCxMaxDurationReached.inc();
    if (client.idle) client.close();
    else client.requestsLeft = 0;
  }

  /** A connection could not be made: everybody who waits is told, since the host seems to be gone. */
  onConnectFailure(client: Http1Client): void {
    const { stats } = this.cluster;
    this.connecting.delete(client);
    stats.upstreamCxConnectFail.inc();
    stats.upstreamCxDestroy.inc();
    if (client.timedOut || client.failedLocally) stats.upstreamCxDestroyLocal.inc();
    else stats.upstreamCxDestroyRemote.inc();
    this.host.stats.cxConnectFail.inc();
    this.countClosed(client);
    const waiting = this.waiting;
    this.waiting = [];
    for (const waiter of waiting) {
      this.stopWaiting();
      stats.upstreamRqPendingFailureEject.inc();
      waiter.onPoolFailure(
        client.timedOut
          ? 'connection_timeout'
          : client.failedLocally
            ? 'local_connection_failure'
            : 'remote_connection_failure',
        client.failure,
        client.info,
      );
    }
  }

  onClosed(client: Http1Client): void {
    if (!this.known(client)) return;
    const busy = this.busy.has(client);
    if (busy) this.onFree(client, false);
    const i = this.free.indexOf(client);
    if (i >= 0) this.free.splice(i, 1);
    const { stats } = this.cluster;
    stats.upstreamCxDestroy.inc();
    if (client.closedByUs) stats.upstreamCxDestroyLocal.inc();
    else stats.upstreamCxDestroyRemote.inc();
    if (busy) {
      stats.upstreamCxDestroyWithActiveRq.inc();
      if (client.closedByUs) stats.upstreamCxDestroyLocalWithActiveRq.inc();
      else stats.upstreamCxDestroyRemoteWithActiveRq.inc();
    }
    this.countClosed(client);
    if (this.waiting.length > 0) this.connectForWaiting();
  }

  private known(client: Http1Client): boolean {
    return !client.counted;
  }

  private countClosed(client: Http1Client): void {
    client.counted = true;
    const { stats } = this.cluster;
    const { timers } = this.worker;
    timers.cancel(client.connectTimer);
    timers.cancel(client.idleTimer);
    timers.cancel(client.durationTimer);
    stats.upstreamCxActive.dec();
    this.host.stats.cxActive.add(-1);
    this.breakers.connections.dec();
    stats.upstreamCxLengthMs.record(Math.round(clock.now() - client.connectStart));
  }

  /** The host left the cluster, or the worker ends: idle connections close now, others with their response. */
  drain(): void {
    this.draining = true;
    for (const client of [...this.free]) client.close();
  }
}
