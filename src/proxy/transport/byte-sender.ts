/**
 * What one socket has to send where bytes pass as they come: each piece is written at once. Small ones are copied, large ones are slices of
 * the pooled buffer that they were read into, which is held until they are written. (Measured: see docs/performance.md, TCP.)
 */
import type { Socket } from 'node:net';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import { type DirectWriter, writeBytesDirectly, writeDirectly } from '#proxy/transport/direct-write.ts';
import { holdLease, release } from '#proxy/transport/read-buffers.ts';

/** Up to this many bytes a string of them is cheaper than a buffer. */
const TEXT_LIMIT = 4096;

export class ByteSender implements DirectWriter {
  readonly socket: Socket;
  /** Bytes given to it, over its life. */
  bytes = 0;
  /** Bytes that were written directly and wait. */
  private waiting = 0;
  private over = false;
  private readonly limit: number;
  private readonly onDrained: () => void;
  /** TLS takes one write at a time, which Writable sees to. */
  private readonly direct: boolean;
  private readonly bufferedBytes: BufferedBytes | undefined;

  /**
   * @param limit with more bytes than this waiting, `write` says so; 0: never
   * @param onDrained hears, after that, when no more than half of it waits
   * @param bufferedBytes is told how much the kernel has not taken
   */
  constructor(socket: Socket, limit: number, onDrained: () => void, bufferedBytes?: BufferedBytes) {
    this.socket = socket;
    this.bufferedBytes = bufferedBytes;
    this.limit = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    this.onDrained = onDrained;
    this.direct = (socket as { encrypted?: boolean }).encrypted !== true;
  }

  /** Bytes that the kernel has not taken yet. */
  get buffered(): number {
    return this.socket.writableLength + this.waiting;
  }

  /**
   * Writes the first `count` of `bytes`, which may be reused as soon as this returns. Not after the socket was ended.
   * @returns whether too much waits now, and did not before
   */
  write(bytes: Buffer, count: number): boolean {
    this.bytes += count;
    if (!this.direct) return this.writeBehind(bytes, count);
    if (count <= TEXT_LIMIT) this.waiting += writeDirectly(this.socket, bytes.latin1Slice(0, count), this);
    else {
      const slice = bytes.subarray(0, count);
      const lease = holdLease(bytes);
      this.waiting += writeBytesDirectly(this.socket, lease === undefined ? Buffer.from(slice) : slice, this, lease);
    }
    this.bufferedBytes?.onWrite(this.waiting);
    return this.waiting > this.limit && this.noteOver();
  }

  private writeBehind(bytes: Buffer, count: number): boolean {
    const slice = bytes.subarray(0, count);
    const lease = holdLease(bytes);
    this.socket.write(lease === undefined ? Buffer.from(slice) : slice, () => {
      if (lease !== undefined) release(lease);
      this.bufferedBytes?.onWrite(this.buffered);
    });
    return this.socket.writableLength > this.limit && this.noteOver();
  }

  private noteOver(): boolean {
    const before = this.over;
    this.over = true;
    return !before;
  }

  onWritten(bytes: number): void {
    this.waiting -= bytes;
    this.bufferedBytes?.onWrite(this.waiting);
    this.checkDrained();
  }

  /** The socket's Writable has passed everything on. */
  checkDrained(): void {
    if (!this.over || this.buffered > this.limit / 2) return;
    this.over = false;
    this.onDrained();
  }
}
