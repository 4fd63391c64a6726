/**
 * What one HTTP/2 connection has to send: what its session gathers over a turn of the loop leaves in one write, from the buffer where it was
 * put together.
 */
import type { Socket } from 'node:net';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import { type DirectWriter, writeBytesDirectly } from '#proxy/transport/direct-write.ts';
import { type Flushable, flushAfterTurn } from '#proxy/transport/io-event.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';
import { giveBack, type OutputChunk } from '#wire/http2/output-buffer.ts';

/** What it needs of a session. */
export interface OutputSource {
  takeOutput(): OutputChunk | undefined;
  /** So many frames of what was taken have left. */
  sent(frames: number): void;
  readonly outputBytes: number;
  /** Everything was handed to the socket. */
  onFlushed?(): void;
}

export class SessionOutgoing implements DirectWriter, Flushable {
  readonly socket: Socket;
  /** Bytes handed to the socket so far, over its life. */
  bytes = 0;
  private readonly source: OutputSource;
  /** TLS takes one write at a time, which Writable sees to. */
  private readonly direct: boolean;
  private marked = false;
  /** Chunks whose writes wait, in order, and their bytes. */
  private readonly underWay: OutputChunk[] = [];
  private waiting = 0;
  /** Somebody was told that too much waits. */
  private over = false;
  private readonly bufferedBytes: BufferedBytes;

  /** @param bufferedBytes is told how much the kernel has not taken */
  constructor(socket: Socket, source: OutputSource, bufferedBytes: BufferedBytes) {
    this.socket = socket;
    this.bufferedBytes = bufferedBytes;
    this.source = source;
    this.direct = (socket as { encrypted?: boolean }).encrypted !== true;
  }

  /** The session has something to send: it leaves when this turn of the loop is over. */
  wake(): void {
    if (this.marked) return;
    this.marked = true;
    flushAfterTurn(this);
  }

  /** Bytes that the kernel has not taken yet. */
  get buffered(): number {
    return this.waiting + this.source.outputBytes;
  }

  /** Whether more than `limit` bytes wait. The socket's owner then hears `onDrain` as soon as they do not. */
  isOver(limit: number): boolean {
    if (this.buffered <= limit) return false;
    this.over = true;
    this.wake();
    return true;
  }

  /** Hands everything to the socket. */
  flush(): void {
    this.marked = false;
    for (let chunk = this.source.takeOutput(); chunk !== undefined; chunk = this.source.takeOutput()) this.send(chunk);
    this.bufferedBytes.onWrite(this.waiting);
    if (this.over && this.waiting === 0) this.tellDrained();
    this.source.onFlushed?.();
  }

  private send(chunk: OutputChunk): void {
    const { socket } = this;
    this.bytes += chunk.length;
    if (!socket.writable) return this.done(chunk);
    const view = chunk.bytes.subarray(0, chunk.length);
    if (this.direct && socket.writableLength === 0 && !socket.connecting) {
      const waits = writeBytesDirectly(socket, view, this);
      if (waits === 0) return this.done(chunk);
    } else socket.write(view, () => this.onWritten(view.length));
    this.underWay.push(chunk);
    this.waiting += chunk.length;
  }

  private done(chunk: OutputChunk): void {
    this.source.sent(chunk.frames);
    giveBack(chunk.bytes);
  }

  onWritten(bytes: number): void {
    this.waiting -= bytes;
    this.bufferedBytes.onWrite(this.waiting);
    const chunk = this.underWay.shift();
    if (chunk !== undefined) this.done(chunk);
    if (this.over && this.waiting === 0) this.tellDrained();
  }

  private tellDrained(): void {
    this.over = false;
    (this.socket as OwnedSocket).owner?.onDrain();
  }
}
