/**
 * Data on its way out: what the peer's windows let through goes to the output at once, the rest waits with its stream. When the connection's
 * window opens, waiting streams take turns, a frame each (RFC 9113, section 5.2).
 */
import type { Headers } from '#wire/headers.ts';
import type { FloodGuard } from '#wire/http2/flood-guard.ts';
import { DEFAULT_WINDOW, FRAME_HEADER } from '#wire/http2/frame.ts';
import type { FrameWriter } from '#wire/http2/frame-writer.ts';
import type { Stream } from '#wire/http2/stream.ts';

/** Larger frames gain nothing, and make other streams wait. */
const LARGEST_FRAME = 16_384;

export interface SendQueueOwner<Owner> {
  onStreamBlocked(stream: Stream<Owner>, blocked: boolean): void;
  /** More frames wait than may. */
  tellFull(): void;
  /** All that the stream's owner had to send is in the output. */
  onLocalSent(stream: Stream<Owner>): void;
}

export class SendQueue<Owner> {
  /** What may be sent on all streams together. */
  window = DEFAULT_WINDOW;
  /** Bytes of all streams that wait for a window. */
  pendingBytes = 0;
  private readonly writer: FrameWriter;
  private readonly flood: FloodGuard;
  private readonly owner: SendQueueOwner<Owner>;
  private readonly bufferLimit: number;
  /** Streams with something to send that wait for the connection's window, in turn. */
  private queue: Stream<Owner>[] = [];

  constructor(writer: FrameWriter, flood: FloodGuard, owner: SendQueueOwner<Owner>, bufferLimit: number) {
    this.writer = writer;
    this.flood = flood;
    this.owner = owner;
    this.bufferLimit = bufferLimit;
  }

  data(stream: Stream<Owner>, chunk: Buffer, end: boolean): void {
    const { length } = chunk;
    if (end) stream.localEnded = true;
    if (stream.pendingBytes > 0) return this.hold(stream, chunk, 0);
    let pos = 0;
    while (pos < length) {
      const size = Math.min(length - pos, stream.sendWindow, this.window, this.writer.maxFrameSize, LARGEST_FRAME);
      if (size <= 0) return this.hold(stream, chunk, pos);
      this.frame(stream, chunk, pos, pos + size, end && pos + size === length);
      pos += size;
    }
    if (end && length === 0) this.frame(stream, undefined, 0, 0, true);
    if (end) this.sent(stream);
  }

  trailers(stream: Stream<Owner>, trailers: Headers): void {
    stream.localEnded = true;
    if (stream.pendingBytes === 0) return this.writeTrailers(stream, trailers);
    stream.pendingTrailers = trailers;
  }

  private writeTrailers(stream: Stream<Owner>, trailers: Headers): void {
    this.writer.beginBlock();
    stream.wireSent += this.writer.endBlock(stream.id, trailers, true);
    if (this.flood.written(false)) this.owner.tellFull();
    this.sent(stream);
  }

  private frame(stream: Stream<Owner>, chunk: Buffer | undefined, start: number, end: number, last: boolean): void {
    const size = end - start;
    stream.sendWindow -= size;
    this.window -= size;
    this.writer.data(stream.id, chunk, start, end, last);
    stream.wireSent += size + FRAME_HEADER;
    this.flood.dataFramesSent++;
    if (this.flood.written(false)) this.owner.tellFull();
  }

  private hold(stream: Stream<Owner>, chunk: Buffer, start: number): void {
    if (start < chunk.length) {
      stream.pending ??= [];
      stream.pending.push(Buffer.from(chunk.subarray(start)));
      stream.pendingBytes += chunk.length - start;
      this.pendingBytes += chunk.length - start;
    }
    this.enqueue(stream);
    if (!stream.blocked && stream.pendingBytes > this.bufferLimit) {
      stream.blocked = true;
      this.owner.onStreamBlocked(stream, true);
    }
  }

  private enqueue(stream: Stream<Owner>): void {
    if (stream.queued || stream.sendWindow <= 0) return;
    stream.queued = true;
    this.queue.push(stream);
  }

  /** The peer opened the connection's window. */
  open(increment: number): void {
    this.window += increment;
    while (this.window > 0 && this.queue.length > 0) {
      const turn = this.queue;
      this.queue = [];
      for (const stream of turn) {
        stream.queued = false;
        if (stream.closed) continue;
        if (this.window > 0) this.sendPiece(stream);
        if (stream.pendingBytes > 0) this.enqueue(stream);
      }
    }
  }

  /** The peer opened the stream's window. */
  openStream(stream: Stream<Owner>): void {
    while (stream.pendingBytes > 0 && stream.sendWindow > 0 && this.window > 0) this.sendPiece(stream);
    if (stream.pendingBytes > 0) this.enqueue(stream);
  }

  /** Sends one frame of what waits. */
  private sendPiece(stream: Stream<Owner>): void {
    const pending = stream.pending as Buffer[];
    const first = pending[0];
    const start = stream.pendingStart;
    const left = first.length - start;
    const size = Math.min(left, stream.sendWindow, this.window, this.writer.maxFrameSize, LARGEST_FRAME);
    if (size <= 0) return;
    stream.pendingBytes -= size;
    this.pendingBytes -= size;
    const whole = stream.pendingBytes === 0;
    const last = whole && stream.localEnded && stream.pendingTrailers === undefined;
    this.frame(stream, first, start, start + size, last);
    if (size === left) {
      pending.shift();
      stream.pendingStart = 0;
    } else stream.pendingStart = start + size;
    if (stream.blocked && stream.pendingBytes <= this.bufferLimit >> 1) {
      stream.blocked = false;
      this.owner.onStreamBlocked(stream, false);
    }
    // The owner may have sent more just now, or have reset the stream.
    if (!whole || stream.closed || stream.localSent) return;
    if (last) this.sent(stream);
    else if (stream.pendingTrailers !== undefined && stream.pendingBytes === 0)
      this.writeTrailers(stream, stream.pendingTrailers);
  }

  private sent(stream: Stream<Owner>): void {
    stream.localSent = true;
    this.owner.onLocalSent(stream);
  }

  /** The stream is over: what waits is not sent. */
  drop(stream: Stream<Owner>): void {
    this.pendingBytes -= stream.pendingBytes;
    stream.pendingBytes = 0;
    stream.pending = undefined;
    stream.pendingTrailers = undefined;
  }
}
