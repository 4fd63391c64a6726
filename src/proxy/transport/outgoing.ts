/**
 * What one socket has to send. Heads and small bodies gather as latin1 text and leave in one write at the end of the event; large pieces
 * are written as they are, and what they lie in is held until the write is done.
 */
import type { Socket } from 'node:net';
import { flushLater } from '#proxy/transport/io-event.ts';
import { holdLease, release } from '#proxy/transport/read-buffers.ts';

/** Bodies up to this many bytes join the text: copying them costs less than a write of their own. */
const JOIN_LIMIT = 16 * 1024;

export class Outgoing {
  readonly socket: Socket;
  /** Bytes handed to the socket or gathered so far, over its life. */
  bytes = 0;
  private text = '';
  private marked = false;

  constructor(socket: Socket) {
    this.socket = socket;
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
    return this.socket.writableLength + this.text.length;
  }

  flush(): void {
    this.marked = false;
    if (this.text !== '') this.flushText();
  }

  private mark(): void {
    this.marked = true;
    flushLater(this);
  }

  private flushText(): void {
    const text = this.text;
    this.text = '';
    if (this.socket.writable) this.socket.write(text, 'latin1');
  }
}
