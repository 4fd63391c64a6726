/**
 * One try at a request: waits for a connection, sends what the router hands over, keeps its own time, and gives back what comes. The first
 * is pooled with its stream; with hedging there may be more.
 */
import { Timer } from '#base/timers.ts';
import { comesBack } from '#proxy/http/router/hedging.ts';
import type { RouterRun } from '#proxy/http/router/router-run.ts';
import { onMaxDuration, onPerTryIdle, onPerTryTimeout } from '#proxy/http/router/router-timeouts.ts';
import type { ConnectionFacts } from '#proxy/http/router/try-info.ts';
import {
  onInterim,
  onReset,
  onResponse,
  onResponseData,
  onResponseTrailers,
} from '#proxy/http/router/upstream-answers.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
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
  /** It is under way: its answer is not whole. */
  active = false;
  /** It met its timeout and goes on while another one is made: what the stream said of its connection. */
  aside: ConnectionFacts | undefined = undefined;
  /** There is a newer one on a connection: what comes of this one is not counted as the stream's. */
  superseded = false;
  /** What is told of it alone: the status of its answer, response flags. */
  status = 0;
  flags = 0;
  /** With those of the tries before it. */
  headerBytesSent = 0;
  headerBytesReceived = 0;
  wireBytesSent = 0;
  wireBytesReceived = 0;
  /** The upstream log has its line. */
  logged = false;
  private startMark = 0;
  private readonly perTry: Timer;
  private readonly perTryIdle: Timer;
  /** max_stream_duration of the cluster. */
  private readonly longest: Timer;
  private readonly router: RouterRun;

  constructor(router: RouterRun) {
    this.router = router;
    this.perTry = new Timer(() => asEvent(() => onPerTryTimeout(router, this)));
    this.perTryIdle = new Timer(() => asEvent(() => onPerTryIdle(router, this)));
    this.longest = new Timer(() => asEvent(() => onMaxDuration(router, this)));
  }

  reset(): void {
    this.host = undefined;
    this.pool = undefined;
    this.encoder = undefined;
    this.sent = false;
    this.active = false;
    this.aside = undefined;
    this.reason = '';
  }

  begin(host: Host, pool: RequestSource): void {
    this.host = host;
    this.pool = pool;
    this.encoder = undefined;
    this.sent = false;
    this.active = true;
    this.aside = undefined;
    this.superseded = false;
    this.status = 0;
    this.flags = 0;
    this.headerBytesSent = 0;
    this.headerBytesReceived = 0;
    this.wireBytesSent = 0;
    this.wireBytesReceived = 0;
    this.logged = false;
    this.startMark = clock.now();
    pool.request(this);
  }

  onPoolReady(encoder: RequestEncoder): void {
    this.encoder = encoder;
    this.sent = true;
    this.router.stream.marks.upstreamPoolAnswered = clock.now();
    this.router.supersede();
    this.headerBytesReceived = this.router.stream.upstreamHeaderBytesReceived;
    this.wireBytesSent = this.router.stream.upstreamWireBytesSent;
    this.wireBytesReceived = this.router.stream.upstreamWireBytesReceived;
    const longest = this.router.cluster?.config.http.common.maxStreamDuration ?? 0;
    if (longest > 0) this.router.stream.manager.worker.timers.arm(this.longest, longest);
    this.router.onConnected(encoder);
    this.headerBytesSent = this.router.stream.upstreamHeaderBytesSent;
  }

  onPoolFailure(reason: ResetReason, details: string, tried?: UpstreamInfo): void {
    if (!this.active) return;
    this.active = false;
    this.router.stream.upstream = tried;
    this.router.stream.marks.upstreamPoolAnswered = clock.now();
    onReset(this.router, this, reason, details);
  }

  onInterim(status: number): void {
    if (this.active) onInterim(this.router, this, status);
  }

  onHeaders(status: number, bytes: number, end: boolean): void {
    if (!this.active) return;
    this.status = status;
    this.headerBytesReceived += bytes;
    if (!this.superseded) this.router.stream.upstreamHeaderBytesReceived += bytes;
    if (this.aside !== undefined && !comesBack(this.router, this, status, end)) return;
    const { stream } = this.router;
    const { marks } = stream;
    marks.firstUpstreamRxByte = clock.now();
    marks.firstUpstreamRxBody = -1;
    stream.manager.worker.timers.cancel(this.perTry);
    if (end) this.ended();
    else this.moved();
    onResponse(this.router, status, end);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (!this.active) return;
    const { marks } = this.router.stream;
    if (marks.firstUpstreamRxBody < 0 && chunk.length > 0) marks.firstUpstreamRxBody = clock.now();
    if (end) this.ended();
    else this.moved();
    onResponseData(this.router, chunk, end);
  }

  onTrailers(trailers: Headers): void {
    if (!this.active) return;
    this.ended();
    onResponseTrailers(this.router, trailers);
  }

  onMetadata(fields: MetadataFields): void {
    const { stream } = this.router;
    if (this.active && this.aside === undefined) stream.codec.sendMetadata(stream, fields);
  }

  onReset(reason: ResetReason, details: string): void {
    if (!this.active) return;
    if (this.encoder !== undefined) this.onWireBytes(this.encoder.wireReceived, this.encoder.wireSent);
    this.over();
    onReset(this.router, this, reason, details);
  }

  onRequestBlocked(blocked: boolean): void {
    if (this.active) this.router.onRequestBlocked(blocked);
  }

  onWireBytes(received: number, sent: number): void {
    this.wireBytesReceived += received;
    this.wireBytesSent += sent;
    if (this.superseded) return;
    const { stream } = this.router;
    stream.upstreamWireBytesReceived += received;
    stream.upstreamWireBytesSent += sent;
  }

  /** A newer try has a connection: what was sent of this one so far is all of it that the stream counts. */
  supersede(): void {
    if (this.superseded || this.encoder === undefined) return;
    const { stream } = this.router;
    stream.upstreamWireBytesReceived += this.encoder.wireReceived;
    stream.upstreamWireBytesSent += this.encoder.wireSent;
    this.superseded = true;
  }

  /** Its own time begins: the request is whole, and on a connection. */
  beginTimeouts(perTry: number, perTryIdle: number): void {
    const { timers } = this.router.stream.manager.worker;
    if (perTry > 0) timers.arm(this.perTry, perTry);
    if (perTryIdle > 0) timers.arm(this.perTryIdle, perTryIdle);
  }

  /** Something came. */
  private moved(): void {
    const { list } = this.perTryIdle;
    if (list !== undefined) this.router.stream.manager.worker.timers.arm(this.perTryIdle, list.duration);
  }

  private ended(): void {
    this.router.stream.marks.lastUpstreamRxByte = clock.now();
    this.over();
  }

  private over(): void {
    this.active = false;
    this.encoder = undefined;
    const { timers } = this.router.stream.manager.worker;
    timers.cancel(this.perTry);
    timers.cancel(this.perTryIdle);
    timers.cancel(this.longest);
    this.router.onAttemptOver(this, clock.now() - this.startMark);
  }

  /** It waits for its answer without a limit of its own from here on. */
  endTimeouts(): void {
    this.router.stream.manager.worker.timers.cancel(this.perTryIdle);
  }

  /** Nothing of it is wanted any more. @param whole its answer has ended */
  drop(whole: boolean): void {
    if (whole) this.over();
    else this.cancel();
  }

  /** Gives the attempt up. */
  cancel(): void {
    if (!this.active) return;
    const { encoder } = this;
    this.over();
    if (encoder !== undefined) {
      this.onWireBytes(encoder.wireReceived, encoder.wireSent);
      encoder.reset();
    } else if (!this.sent) this.pool?.cancel(this);
  }
}
