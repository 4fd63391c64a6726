/**
 * One attempt at a request: waits for a connection, sends what the router hands over, and gives back what comes. Pooled with its stream.
 */

import type { RouterRun } from '#proxy/http/router/router-run.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { Http1Client } from '#proxy/upstream/http1-client.ts';
import type { Http1Pool, PoolWaiter } from '#proxy/upstream/http1-pool.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import { Headers } from '#wire/headers.ts';

export class UpstreamRequest implements PoolWaiter {
  responseHeaders = new Headers();
  reason = '';
  host: Host | undefined = undefined;
  pool: Http1Pool | undefined = undefined;
  client: Http1Client | undefined = undefined;
  requestedServerName = '';
  /** Its head was handed to a connection. */
  sent = false;
  private active = false;
  private startMark = 0;
  private readonly router: RouterRun;

  constructor(router: RouterRun) {
    this.router = router;
  }

  reset(): void {
    this.host = undefined;
    this.pool = undefined;
    this.client = undefined;
    this.sent = false;
    this.active = false;
    this.reason = '';
    this.requestedServerName = '';
  }

  begin(host: Host, pool: Http1Pool, serverName: string): void {
    this.host = host;
    this.pool = pool;
    this.client = undefined;
    this.sent = false;
    this.active = true;
    this.startMark = clock.now();
    this.requestedServerName = serverName;
    pool.request(this);
  }

  onPoolReady(client: Http1Client): void {
    this.client = client;
    this.sent = true;
    this.router.stream.marks.upstreamPoolAnswered = clock.now();
    this.router.onConnected(client);
  }

  onPoolFailure(reason: ResetReason, details: string, tried?: UpstreamInfo): void {
    if (!this.active) return;
    this.active = false;
    this.router.stream.upstream = tried;
    this.router.stream.marks.upstreamPoolAnswered = clock.now();
    this.router.onReset(reason, details);
  }

  onInterim(status: number): void {
    if (this.active) this.router.onInterim(status, this.responseHeaders);
  }

  onHeaders(status: number, bytes: number, end: boolean): void {
    if (!this.active) return;
    const { marks } = this.router.stream;
    marks.firstUpstreamRxByte = clock.now();
    marks.firstUpstreamRxBody = -1;
    if (end) this.ended();
    this.router.onResponse(status, bytes, end);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (!this.active) return;
    const { marks } = this.router.stream;
    if (marks.firstUpstreamRxBody < 0 && chunk.length > 0) marks.firstUpstreamRxBody = clock.now();
    if (end) this.ended();
    this.router.onResponseData(chunk, end);
  }

  onTrailers(trailers: Headers): void {
    if (!this.active) return;
    this.ended();
    this.router.onResponseTrailers(trailers);
  }

  onReset(reason: ResetReason, details: string): void {
    if (!this.active) return;
    this.active = false;
    this.client = undefined;
    this.over();
    this.router.onReset(reason, details);
  }

  onRequestBlocked(blocked: boolean): void {
    if (this.active) this.router.onRequestBlocked(blocked);
  }

  onWireBytes(received: number, sent: number): void {
    const { stream } = this.router;
    stream.upstreamWireBytesReceived += received;
    stream.upstreamWireBytesSent += sent;
  }

  private ended(): void {
    this.router.stream.marks.lastUpstreamRxByte = clock.now();
    this.client = undefined;
    this.over();
  }

  private over(): void {
    this.router.onAttemptOver(clock.now() - this.startMark);
  }

  /** Gives the attempt up. */
  cancel(): void {
    if (!this.active) return;
    this.active = false;
    this.over();
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) {
      client.reset();
    } else if (!this.sent) this.pool?.cancel(this);
  }
}
