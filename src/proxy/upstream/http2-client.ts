/**
 * One HTTP/2 connection to an upstream host: many requests at a time, each a stream (RFC 9113). It belongs to a pool.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling#http-2
 */
import { countViolation } from '#proxy/http/http2-failures.ts';
import type { Http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import { KeepalivePings, type KeptAlive } from '#proxy/transport/keepalive-pings.ts';
import { SessionAccount } from '#proxy/transport/session-account.ts';
import { type OutputSource, SessionOutgoing } from '#proxy/transport/session-outgoing.ts';
import type { HttpPool } from '#proxy/upstream/http-pool.ts';
import {
  CONNECTION_FULL,
  type Http2Request,
  returnRequest,
  STREAM_FULL,
  takeRequest,
} from '#proxy/upstream/http2-request.ts';
import { PooledClient } from '#proxy/upstream/pooled-client.ts';
import type { HttpWaiter } from '#proxy/upstream/request-encoder.ts';
import type { ResetReason, ResponseReceiver } from '#proxy/upstream/response-receiver.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import type { Headers } from '#wire/headers.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import type { MessageHead } from '#wire/http2/message-head.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import type { OutputChunk } from '#wire/http2/output-buffer.ts';
import { Session } from '#wire/http2/session.ts';
import type { SessionEvents } from '#wire/http2/session-events.ts';
import type { Stream } from '#wire/http2/stream.ts';
import type { Violation } from '#wire/http2/violation.ts';
import { Known } from '#wire/known-headers.ts';

export class Http2Client
  extends PooledClient<HttpWaiter>
  implements SessionEvents<Http2Request>, OutputSource, KeptAlive
{
  readonly session: Session<Http2Request>;
  private readonly pool: HttpPool;
  private readonly stats: Http2CodecStats;
  private readonly outgoing: SessionOutgoing;
  private readonly keepalive: KeepalivePings | undefined;
  /** As many as are configured, or as the host lets us have. */
  protected concurrency: number;
  private readonly bufferLimit: number;
  /** More waits for the socket than may: requests are told. */
  private full = false;
  private countedBytes = 0;
  private readonly account: SessionAccount;

  constructor(pool: HttpPool, connection: UpstreamConnection) {
    super(pool, connection);
    this.pool = pool;
    const { config } = pool.cluster;
    const { http2 } = config.http;
    this.stats = pool.cluster.http2Stats();
    this.stats.nghttp2UpstreamConnections.inc();
    this.concurrency = http2.maxConcurrentStreams;
    this.bufferLimit = config.perConnectionBufferLimitBytes;
    this.session = new Session(pool.sessionOptions(), this);
    this.account = new SessionAccount(this.session, this.stats, false);
    this.outgoing = new SessionOutgoing(connection.socket, this, connection.bufferedBytes);
    const { timers, random } = pool.worker;
    this.keepalive =
      http2.keepalive === undefined ? undefined : new KeepalivePings(http2.keepalive, this, timers, random);
    this.session.start();
  }

  begin(waiter: HttpWaiter): void {
    const request = takeRequest().begin(this, waiter);
    waiter.responseHeaders.clear();
    const stream = this.session.open(request, waiter.responseHeaders);
    if (stream === undefined) throw new Error('a request was given to a connection that takes none');
    request.stream = stream;
    this.account.settle();
    this.keepalive?.beforeRequest();
    waiter.onPoolReady(request);
    if (this.full) request.block(CONNECTION_FULL, true);
  }

  onRead(count: number, bytes: Buffer): void {
    this.keepalive?.onBytes();
    this.session.receive(bytes, 0, count);
    this.count();
  }

  onEnd(): void {
    this.connection.socket.destroy();
  }

  onDrain(): void {
    if (!this.full) return;
    this.full = false;
    for (const { owner } of [...this.session.streams.values()]) owner?.block(CONNECTION_FULL, false);
  }

  /** Tells all requests when more waits for the socket than may. */
  checkRoom(): void {
    this.account.settle();
    if (this.full || !this.outgoing.isOver(this.bufferLimit)) return;
    this.full = true;
    for (const { owner } of [...this.session.streams.values()]) owner?.block(CONNECTION_FULL, true);
  }

  sendPing(): void {
    this.session.ping();
  }

  /** PINGs were not answered in time. */
  onPingTimeout(): void {
    this.stats.keepaliveTimeout.inc();
    this.close();
    this.breakAll('connection_termination', '');
  }

  /** The request is given up. */
  giveUp(request: Http2Request): void {
    this.pool.cluster.stats.upstreamRqTxReset.inc();
    this.session.reset(request.stream, ErrorCode.InternalError);
    this.count();
    this.over(request);
  }

  /* What happens on the session. */

  onStream(): void {}

  onHead(stream: Stream<Http2Request>, head: MessageHead, end: boolean): void {
    const request = stream.owner as Http2Request;
    const { receiver } = request;
    if (receiver === undefined) return;
    let { status } = head;
    if (request.upgrade !== '' && status === 200) {
      status = 101;
      receiver.responseHeaders.setKnown(Known.upgrade, request.upgrade);
      receiver.responseHeaders.setKnown(Known.connection, 'upgrade');
    }
    receiver.reason = '';
    if (end) this.whole(request, receiver);
    receiver.onHeaders(status, head.wireBytes, end);
    if (end) this.endEarly(stream);
  }

  onInterim(stream: Stream<Http2Request>, status: number): void {
    stream.owner?.receiver?.onInterim(status);
  }

  onData(stream: Stream<Http2Request>, bytes: Buffer, start: number, end: number, last: boolean): void {
    const request = stream.owner as Http2Request;
    const { receiver } = request;
    if (receiver === undefined) return;
    if (last) this.whole(request, receiver);
    receiver.onData(bytes.subarray(start, end), last);
    if (last) this.endEarly(stream);
  }

  onTrailers(stream: Stream<Http2Request>, trailers: Headers): void {
    const request = stream.owner as Http2Request;
    const { receiver } = request;
    if (receiver === undefined) return;
    this.whole(request, receiver);
    receiver.onTrailers(trailers);
    this.endEarly(stream);
  }

  onMetadata({ owner }: Stream<Http2Request>, fields: MetadataFields): void {
    if (fields.size === 0) this.stats.metadataEmptyFrames.inc();
    else owner?.receiver?.onMetadata?.(fields);
  }

  /** The response is whole: its receiver is about to hear so, and hears no more. */
  private whole(request: Http2Request, receiver: ResponseReceiver): void {
    request.receiver = undefined;
    const { stream } = request;
    receiver.onWireBytes(stream.wireReceived, stream.wireSent);
  }

  /** Nobody sends the rest of a request that is answered already. */
  private endEarly(stream: Stream<Http2Request>): void {
    if (!stream.closed && !stream.localEnded) this.giveUp(stream.owner as Http2Request);
  }

  onStreamBlocked(stream: Stream<Http2Request>, blocked: boolean): void {
    stream.owner?.block(STREAM_FULL, blocked);
  }

  onStreamClosed(stream: Stream<Http2Request>): void {
    this.over(stream.owner as Http2Request);
  }

  onReset(stream: Stream<Http2Request>, code: number): void {
    this.break(stream.owner as Http2Request, resetReason(code), '');
  }

  onStreamError(stream: Stream<Http2Request>, violation: Violation): void {
    countViolation(violation, this.stats);
    const tooMuch = violation.kind === 'too-many-headers' || violation.kind === 'too-large-headers';
    const reason = tooMuch ? 'remote_reset' : 'protocol_error';
    this.break(stream.owner as Http2Request, reason, '');
  }

  /** The request is over without a whole response. */
  private break(request: Http2Request, reason: ResetReason, details: string): void {
    const { receiver } = request;
    this.countReset(reason);
    this.over(request);
    receiver?.onReset(reason, details);
  }

  private countReset(reason: ResetReason): void {
    const { stats } = this.pool.cluster;
    if (reason === 'remote_reset') stats.upstreamRqRxReset.inc();
    else if (reason === 'protocol_error') stats.upstreamRqTxReset.inc();
    else if (reason === 'connection_termination') stats.upstreamRqPendingFailureEject.inc();
  }

  /** The stream is closed. */
  private over(request: Http2Request): void {
    returnRequest(request);
    this.requestOver();
  }

  onGoaway(): void {
    this.pool.cluster.stats.upstreamCxCloseNotify.inc();
    // Streams that the host will not serve hear of it after this.
    this.retire();
  }

  onSettings(): void {
    const { http2 } = this.pool.cluster.config.http;
    const concurrency = Math.min(http2.maxConcurrentStreams, this.session.peer.maxConcurrentStreams);
    if (concurrency === this.concurrency) return;
    this.concurrency = concurrency;
    this.pool.onRoomChanged(this);
  }

  onPingAck(): void {
    this.keepalive?.onAck();
  }

  onConnectionError(violation: Violation): void {
    countViolation(violation, this.stats);
    const { cluster, log } = this.pool;
    cluster.stats.upstreamCxProtocolError.inc();
    log.debug(() => `[C${this.connection.info.connectionId}] protocol error: ${violation.text}`);
    this.outgoing.flush();
    // It closes with the last of its requests, as by Envoy: it is not counted as closed with any.
    this.retire();
    this.breakAll('protocol_error', '');
  }

  takeOutput(): OutputChunk | undefined {
    return this.session.takeOutput();
  }

  sent(frames: number): void {
    this.session.sent(frames);
    this.account.settle();
  }

  get outputBytes(): number {
    return this.session.outputBytes;
  }

  onOutput(): void {
    this.outgoing.wake();
  }

  onOutputFull(): void {
    this.outgoing.flush();
  }

  private count(): void {
    const { outgoing } = this;
    this.account.settle();
    this.pool.cluster.stats.upstreamCxTxBytesTotal.add(outgoing.bytes - this.countedBytes);
    this.countedBytes = outgoing.bytes;
  }

  /** Tells all requests that they are over. */
  private breakAll(reason: ResetReason, details: string): void {
    for (const { owner } of this.session.end()) if (owner !== undefined) this.break(owner, reason, details);
  }

  protected onLost(): void {
    this.keepalive?.stop();
    this.count();
    this.account.close();
    this.breakAll('connection_termination', this.connection.failure);
  }

  protected endSocket(): void {
    this.keepalive?.stop();
    this.outgoing.flush();
    this.count();
    this.account.close();
    this.connection.socket.destroySoon();
  }
}

function resetReason(code: number): ResetReason {
  if (code === ErrorCode.RefusedStream) return 'remote_refused_stream_reset';
  if (code === ErrorCode.ProtocolError) return 'protocol_error';
  return code === ErrorCode.ConnectError ? 'remote_error_with_connect_request' : 'remote_reset';
}
