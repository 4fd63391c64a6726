/**
 * What a thread's sockets send: datagrams for one socket after the other gather and leave in one call.
 * Follows https://man7.org/linux/man-pages/man2/sendmmsg.2.html
 */
import type { Sending } from '#proxy/transport/datagrams/datagram-socket.ts';
import type { Native } from '#proxy/transport/datagrams/libc.ts';
import { MESSAGES, MessageMemory } from '#proxy/transport/datagrams/message-memory.ts';
import type { NativePeer } from '#proxy/transport/datagrams/native-socket.ts';

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;
/** Bytes of datagrams that are not sent from where they were read. */
const COPIES = 128 * 1024;

export class NativeOutbox {
  private readonly native: Native;
  private readonly memory: MessageMemory;
  private readonly copies = Buffer.from(new ArrayBuffer(COPIES));
  private readonly copiesAt: number;
  private copied = 0;
  private fd = -1;
  private count = 0;
  private readonly lengths: number[] = [];
  private readonly sendings: Sending[] = [];
  private scheduled = false;

  constructor(native: Native) {
    this.native = native;
    this.memory = new MessageMemory(native, 0);
    this.copiesAt = Number(native.pointerTo(this.copies.buffer));
  }

  /** @param at the address of bytes that stay until the next flush */
  add(fd: number, at: number, length: number, to: NativePeer | undefined, sending: Sending): void {
    if (fd !== this.fd || this.count === MESSAGES) {
      this.flush();
      this.fd = fd;
    }
    const message = this.count++;
    const { memory } = this;
    memory.setPayload(message, at, length);
    if (to === undefined) memory.setLengths(message, 0, 0);
    else {
      memory.setLengths(message, to.nameLength, to.control.byteLength);
      memory.setNameAndControl(message, to.name, to.control);
    }
    this.lengths[message] = length;
    this.sendings[message] = sending;
  }

  addCopy(fd: number, bytes: Uint8Array, to: NativePeer | undefined, sending: Sending): void {
    if (fd !== this.fd || bytes.length > COPIES - this.copied) this.flush();
    this.fd = fd;
    const at = this.copied;
    this.copies.set(bytes, at);
    this.copied += bytes.length;
    this.add(fd, this.copiesAt + at, bytes.length, to, sending);
    if (this.scheduled) return;
    // Outside of a read nobody flushes.
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  /** Sends all. A datagram that cannot be sent is lost, and those after it are tried. */
  flush(): void {
    const { native, memory, fd, count, sendings, lengths } = this;
    this.count = 0;
    this.copied = 0;
    for (let done = 0; done < count; ) {
      const sent = native.libc.sendmmsg(fd, memory.headers[done], count - done, FLAGS);
      if (sent <= 0) sendings[done++].onSendFailed();
      else for (const end = done + sent; done < end; done++) sendings[done].onSent(lengths[done]);
    }
  }
}
