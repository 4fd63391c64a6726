/**
 * One attempt at a request: waits for a connection, sends what the router hands over, and gives back what comes. Pooled with its stream.
 */

import type { RouterRun } from '#proxy/http/router/router-run.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HttpWaiter, RequestEncoder, RequestSource } from '#proxy/upstream/request-encoder.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';

export class UpstreamRequest implements HttpWaiter {
  responseHeaders = new Headers();
  reason = '';
  host: Host | undefined = undefined;
  private pool: RequestSource | undefined = undefined;
  encoder: RequestEncoder | undefined = undefined;
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
    this.encoder = undefined;
    this.sent = false;
    this.active = false;
    this.reason = '';
  }

  begin(host: Host, pool: RequestSource): void {
    this.host = host;
    this.pool = pool;
    this.encoder = undefined;
    this.sent = false;
    this.active = true;
    this.startMark = clock.now();
    pool.request(this);
  }

  onPoolReady(encoder: RequestEncoder): void {
    this.encoder = encoder;
    this.sent = true;
    this.router.stream.marks.upstreamPoolAnswered = clock.now();
    this.router.onConnected(encoder);
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

  onMetadata(fields: MetadataFields): void {
    if (this.active) this.router.onResponseMetadata(fields);
  }

  onReset(reason: ResetReason, details: string): void {
    if (!this.active) return;
    this.active = false;
    this.encoder = undefined;
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
    this.encoder = undefined;
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
    const encoder = this.encoder;
    this.encoder = undefined;
    if (encoder !== undefined) {
      encoder.reset();
    } else if (!this.sent) this.pool?.cancel(this);
  }
}
