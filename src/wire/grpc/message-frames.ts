/**
 * Messages of gRPC in a body: each a byte of flags and a length of four bytes before the message itself. A piece of the body may end anywhere.
 * Follows https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md ("Length-Prefixed-Message")
 */

/** Of the head that stands before each message, in bytes. */
export const FRAME_HEAD = 5;

/** @param flags 1: compressed; 0x80: trailers, in gRPC-Web */
export function frameHead(flags: number, length: number): Buffer {
  const head = Buffer.alloc(FRAME_HEAD);
  head[0] = flags;
  head.writeUInt32BE(length, 1);
  return head;
}

/** Counts the messages that begin in a body, whose pieces come in order; a message counts once its head is there. */
export class MessageCounter {
  count = 0;
  private seen = 0;
  private length = 0;
  /** Bytes of the message under way that are still to come. */
  private left = 0;

  /** @returns how many messages began in this piece */
  add(chunk: Uint8Array): number {
    const before = this.count;
    let pos = 0;
    while (pos < chunk.length) {
      if (this.left > 0) {
        const taken = Math.min(this.left, chunk.length - pos);
        this.left -= taken;
        pos += taken;
        continue;
      }
      const byte = chunk[pos++];
      if (this.seen++ > 0) this.length = this.length * 256 + byte;
      if (this.seen < FRAME_HEAD) continue;
      this.count++;
      this.left = this.length;
      this.seen = 0;
      this.length = 0;
    }
    return this.count - before;
  }
}
