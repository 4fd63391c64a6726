/**
 * The connections of one connection manager, from the first to the last byte: counted, timed, drained. What happens on them is the
 * manager's and the codec's.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#connection-timeouts
 */
import { jittered } from '#base/jitter.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import type { Http1ServerConnection } from '#proxy/http/http1-server-connection.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { onRequestTimeout, onStreamIdle } from '#proxy/http/stream-timeouts.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { HttpStats } from '#proxy/observe/stats/http-stats.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** DOWNSTREAM_LOCAL_CLOSE_REASON where the last request that a connection was to carry is over. */
export const DRAINED = 'deferred_close_on_drained_connection';

export class HttpConnections {
  private readonly open = new Set<ServerConnection>();
  private readonly config: HttpConnectionManager;
  private readonly worker: WorkerContext;
  private readonly stats: HttpStats;

  constructor({ config, worker, stats }: ConnectionManager) {
    this.config = config;
    this.worker = worker;
    this.stats = stats;
  }

  /** How many carry, or may carry, requests. */
  get size(): number {
    return this.open.size;
  }

  /** A connection is there; TLS may still have to be agreed on. */
  onBegin({ secured }: DownstreamConnection): void {
    const { stats } = this;
    stats.downstreamCxTotal.inc();
    stats.downstreamCxActive.inc();
    if (!secured) return;
    stats.downstreamCxSslTotal.inc();
    stats.downstreamCxSslActive.inc();
  }

  /** A connection is gone, perhaps before its handshake was done. */
  onEnd({ secured, startMark }: DownstreamConnection, closedByUs: boolean): void {
    const { stats } = this;
    stats.downstreamCxActive.dec();
    if (secured) stats.downstreamCxSslActive.dec();
    stats.downstreamCxDestroy.inc();
    if (closedByUs) stats.downstreamCxDestroyLocal.inc();
    else stats.downstreamCxDestroyRemote.inc();
    stats.downstreamCxLengthMs.record(Math.round(clock.now() - startMark));
  }

  onOpen(connection: ServerConnection): void {
    const { config, worker } = this;
    this.open.add(connection);
    this.armIdle(connection);
    const { maxConnectionDuration: duration = 0, maxConnectionDurationJitter: jitter } = config.common;
    if (duration > 0) worker.timers.arm(connection.durationTimer, jittered(duration, jitter, worker.random));
  }

  onClosed(connection: ServerConnection): void {
    if (!this.open.delete(connection)) return;
    const { stats } = this;
    if (connection.begun)
      (connection.multiplexed ? stats.downstreamCxHttp2Active : stats.downstreamCxHttp1Active).dec();
    if (connection.softDraining) stats.downstreamCxHttp1SoftDrain.dec();
    this.countSent(connection);
    connection.bufferedBytes.close();
    this.onEnd(connection.connection, connection.closedByUs);
  }

  /** Another object stands for the connection from now on. */
  onAbandoned(connection: ServerConnection): void {
    this.open.delete(connection);
  }

  countSent(connection: ServerConnection): void {
    const { sentBytes } = connection;
    this.stats.downstreamCxTxBytesTotal.add(sentBytes - connection.countedBytes);
    connection.countedBytes = sentBytes;
  }

  armIdle(connection: ServerConnection): void {
    if (this.config.common.idleTimeout > 0)
      this.worker.timers.arm(connection.idleTimer, this.config.common.idleTimeout);
  }

  /** The first bytes of the client show which protocol it speaks. */
  begin(connection: ServerConnection): void {
    const { stats } = this;
    connection.begun = true;
    if (connection.multiplexed) {
      connection.connection.protocol = 'HTTP/2';
      stats.downstreamCxHttp2Total.inc();
      stats.downstreamCxHttp2Active.inc();
    } else {
      stats.downstreamCxHttp1Total.inc();
      stats.downstreamCxHttp1Active.inc();
    }
  }

  /** Part of a request's head is there. */
  onHeadBegun(connection: Http1ServerConnection): void {
    if (!connection.begun) this.begin(connection);
    const { timers } = this.worker;
    timers.cancel(connection.idleTimer);
    const patience = this.headPatience();
    if (patience > 0) timers.arm(connection.headTimer, patience);
  }

  onIdle(connection: ServerConnection): void {
    this.stats.downstreamCxIdleTimeout.inc();
    this.drain(connection, 'on_idle_timeout');
  }

  onDuration(connection: ServerConnection): void {
    if (!connection.draining) {
      this.stats.downstreamCxMaxDurationReached.inc();
      if (connection.begun && !connection.multiplexed && this.config.http1SafeMaxConnectionDuration) {
        // The client is told by the answer to its next request: none is lost on its way here.
        connection.softDraining = true;
        this.stats.downstreamCxHttp1SoftDrain.inc();
      } else this.drain(connection, 'duration_timeout');
    } else this.end(connection);
  }

  /** drain_timeout is over. */
  private end(connection: ServerConnection): void {
    if (connection.multiplexed) connection.endAfterResponse();
    if (connection.idle) connection.close(true, DRAINED);
  }

  /** A connection that never carried a request is closed at once, as by Envoy, and for this reason; the timer of its duration counts the drain. */
  drain(connection: ServerConnection, reason = DRAINED): void {
    const { drainTimeout, drainTimeoutJitter } = this.config;
    const unused = connection.multiplexed ? !connection.begun : connection.requests === 0 || drainTimeout === 0;
    if (connection.idle && unused) return connection.close(false, reason);
    if (connection.draining) return;
    connection.draining = true;
    connection.warn();
    const { timers, random } = this.worker;
    if (drainTimeout > 0) timers.arm(connection.durationTimer, jittered(drainTimeout, drainTimeoutJitter, random));
    else if (connection.multiplexed) this.end(connection);
  }

  /** The client did not close within delayed_close_timeout. */
  onDelayedClose(connection: ServerConnection): void {
    this.stats.downstreamCxDelayedCloseTimeout.inc();
    connection.connection.localCloseReason = 'triggered_delayed_close_timeout';
    connection.connection.closedByUs = true;
    connection.destroy();
  }

  /** The server or listener drains: idle connections of HTTP/1 close at once, others with their response; HTTP/2 says that it will. */
  drainAll(): void {
    for (const connection of [...this.open]) {
      if (connection.multiplexed) this.drain(connection);
      else if (connection.idle) connection.close(false, DRAINED);
    }
  }

  /** Every connection closes, whatever is under way. */
  closeAll(): void {
    for (const connection of [...this.open]) connection.destroy();
  }

  onRequestHeadersTimeout(connection: Http1ServerConnection): void {
    const stream = connection.beginUnread();
    if (stream === undefined) return;
    const { requestHeadersTimeout, requestTimeout } = this.config;
    const patience = this.headPatience();
    if (patience === requestTimeout) return onRequestTimeout(stream);
    if (patience !== requestHeadersTimeout) return onStreamIdle(stream);
    this.stats.downstreamRqHeaderTimeout.inc();
    sendLocalReply(stream, 408, 'request header timeout', 'request_header_timeout');
  }

  /** The shortest of the timeouts that run while a head arrives, in milliseconds; 0 where all are off. */
  headPatience(): number {
    const { requestHeadersTimeout, requestTimeout, streamIdleTimeout } = this.config;
    let shortest = requestHeadersTimeout > 0 ? requestHeadersTimeout : streamIdleTimeout;
    if (requestTimeout > 0 && (shortest === 0 || requestTimeout < shortest)) shortest = requestTimeout;
    return shortest;
  }
}
