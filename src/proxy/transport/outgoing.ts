/**
 * What one socket has to send. Heads and small bodies gather as latin1 text and leave in one write at the end of the event; large pieces
 * are written as they are, and what they lie in is held until the write is done.
 */
import type { Socket } from 'node:net';
import { type DirectWriter, writeDirectly } from '#proxy/transport/direct-write.ts';
import { flushLater } from '#proxy/transport/io-event.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';
import { holdLease, release } from '#proxy/transport/read-buffers.ts';

/** Bodies up to this many bytes join the text: copying them costs less than a write of their own. */
const JOIN_LIMIT = 16 * 1024;

export class Outgoing implements DirectWriter {
  readonly socket: Socket;
  /** Bytes handed to the socket or gathered so far, over its life. */
  bytes = 0;
  private text = '';
  private marked = false;
  /** Bytes that were written directly and wait. */
  private waiting = 0;
  /** Somebody was told that too much waits. */
  private over = false;
  /** TLS takes one write at a time, which Writable sees to. */
  private readonly direct: boolean;

  constructor(socket: Socket) {
    this.socket = socket;
    this.direct = (socket as { encrypted?: boolean }).encrypted !== true;
  }

  /** Adds text whose characters are bytes (latin1). */
  write(text: string): void {
    this.text += text;
    this.bytes += text.length;
    if (!this.marked) this.mark();
  }

  /** Adds a piece of a body; `chunk` may be reused by its owner as soon as this returns. */
  writeBytes(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (chunk.length <= JOIN_LIMIT) {
      this.text += chunk.latin1Slice(0, chunk.length);
      if (!this.marked) this.mark();
      return;
    }
    if (this.text !== '') this.flushText();
    const lease = holdLease(chunk);
    if (lease === undefined) this.socket.write(Buffer.from(chunk));
    else this.socket.write(chunk, () => release(lease));
  }

  /** Bytes that the kernel has not taken yet. */
  get buffered(): number {
    return this.socket.writableLength + this.waiting + this.text.length;
  }

  /** Whether more than `limit` bytes wait. The socket's owner then hears `onDrain` as soon as they do not. */
  isOver(limit: number): boolean {
    if (this.buffered <= limit) return false;
    this.over = true;
    // Looked at again when the event is over.
    if (!this.marked) this.mark();
    return true;
  }

  flush(): void {
    this.marked = false;
    if (this.text !== '') this.flushText();
    if (this.over) this.tellDrained();
  }

  /** Nothing that will tell by itself waits any more. */
  private tellDrained(): void {
    if (this.waiting > 0 || this.socket.writableNeedDrain) return;
    this.over = false;
    (this.socket as OwnedSocket).owner?.onDrain();
  }

  private mark(): void {
    this.marked = true;
    flushLater(this);
  }

  private flushText(): void {
    const text = this.text;
    this.text = '';
    const { socket } = this;
    if (!socket.writable) return;
    // What Node's Writable holds back goes first.
    if (this.direct && socket.writableLength === 0 && !socket.connecting)
      this.waiting += writeDirectly(socket, text, this);
    else socket.write(text, 'latin1');
  }

  onWritten(bytes: number): void {
    this.waiting -= bytes;
    if (this.over) this.tellDrained();
  }
}
