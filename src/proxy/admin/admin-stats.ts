/**
 * The admin API's own stats, `http.admin.*` and `listener.admin.*`: its port is a listener like the others.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import { http1CodecStats, httpListenerStats, httpStats } from '#proxy/observe/stats/http-stats.ts';
import { listenerStats, listenerThreadStats } from '#proxy/observe/stats/listener-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export class AdminStatsRecorder {
  readonly #root: Scope;
  readonly #http;
  readonly #listener;
  readonly #thread;
  readonly #answers;
  /** Bytes of each connection that are counted already. */
  readonly #counted = new WeakMap<Socket, { read: number; written: number; buffered: BufferedBytes }>();

  constructor(root: Scope) {
    this.#root = root;
    this.#http = httpStats(root.scope('http.admin'));
    this.#listener = listenerStats(root.scope('listener.admin'));
    this.#thread = listenerThreadStats(root.scope('listener.admin.main_thread'));
    this.#answers = httpListenerStats(root.scope('listener.admin.http.admin'));
  }

  /** There are too many connections for one more. */
  overflowed(): void {
    this.#listener.connectionsAcceptedPerSocketEvent.record(1);
    this.#listener.downstreamGlobalCxOverflow.inc();
  }

  connected(socket: Socket): void {
    const [http, listener, thread] = [this.#http, this.#listener, this.#thread];
    const opened = performance.now();
    http1CodecStats(this.#root.scope('http1'));
    listener.connectionsAcceptedPerSocketEvent.record(1);
    for (const total of [http.downstreamCxTotal, http.downstreamCxHttp1Total]) total.inc();
    for (const total of [listener.downstreamCxTotal, thread.downstreamCxTotal]) total.inc();
    const active = [
      http.downstreamCxActive,
      http.downstreamCxHttp1Active,
      listener.downstreamCxActive,
      thread.downstreamCxActive,
    ];
    for (const gauge of active) gauge.inc();
    let remote = false;
    socket.once('end', () => {
      remote = true;
    });
    socket.once('close', () => {
      this.#countBytes(socket).close();
      for (const gauge of active) gauge.dec();
      http.downstreamCxDestroy.inc();
      (remote ? http.downstreamCxDestroyRemote : http.downstreamCxDestroyLocal).inc();
      listener.downstreamCxDestroy.inc();
      const length = performance.now() - opened;
      http.downstreamCxLengthMs.record(length);
      listener.downstreamCxLengthMs.record(length);
    });
  }

  requested(request: IncomingMessage, response: ServerResponse): void {
    const http = this.#http;
    const started = performance.now();
    http.downstreamRqTotal.inc();
    http.downstreamRqHttp1Total.inc();
    http.downstreamRqActive.inc();
    // The request lets go of its socket when it is destroyed.
    const { socket } = request;
    this.#countBytes(socket);
    response.once('finish', () => {
      const digit = Math.trunc(response.statusCode / 100) - 1;
      for (const stats of [http, this.#answers]) {
        stats.downstreamRqCompleted.inc();
        stats.downstreamRqXx[digit]?.inc();
      }
      http.downstreamRqTime.record(performance.now() - started);
      this.#countBytes(socket);
    });
    response.once('close', () => {
      http.downstreamRqActive.dec();
      if (!response.writableFinished) http.downstreamRqRxReset.inc();
    });
  }

  /** A request that could not be parsed. */
  malformed(): void {
    this.#http.downstreamCxProtocolError.inc();
  }

  #countBytes(socket: Socket): BufferedBytes {
    const http = this.#http;
    const counted = this.#counted.get(socket) ?? {
      read: 0,
      written: 0,
      buffered: new BufferedBytes(http.downstreamCxRxBytesBuffered, http.downstreamCxTxBytesBuffered),
    };
    const read = socket.bytesRead - counted.read;
    if (read > 0) counted.buffered.onRead(read);
    http.downstreamCxRxBytesTotal.add(read);
    http.downstreamCxTxBytesTotal.add(socket.bytesWritten - counted.written);
    counted.read = socket.bytesRead;
    counted.written = socket.bytesWritten;
    this.#counted.set(socket, counted);
    return counted.buffered;
  }
}
