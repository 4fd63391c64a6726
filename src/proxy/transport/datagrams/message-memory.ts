/**
 * Memory in the form in which recvmmsg and sendmmsg take it: a row of messages, each with its bytes, its peer's name and what the system says
 * beside it. Follows https://man7.org/linux/man-pages/man2/recvmmsg.2.html (struct mmsghdr) and
 * https://man7.org/linux/man-pages/man3/cmsg.3.html, on 64 bits.
 */
import type { Native } from '#proxy/transport/datagrams/libc.ts';

/** Messages of one call. */
export const MESSAGES = 64;
export const NAME_SIZE = 32;
export const CONTROL_SIZE = 64;
/** struct mmsghdr, and where its parts are. */
const HEADER_SIZE = 64;
const IOVEC_SIZE = 16;
const NAME = 0;
const NAME_LENGTH = 8;
const IOVEC = 16;
const IOVEC_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
const LENGTH = 56;
const WORD = 4;
const CACHE_LINE = 64;

export class MessageMemory {
  /** Bytes that fit in one message. */
  readonly size: number;
  /** From the bytes of one message to those of the next: no round number, or all would fall into the same lines of the processor's cache. */
  private readonly stride: number;
  /** Addresses of the headers, for calls that begin with one of them. */
  readonly headers: bigint[] = [];
  private readonly bytes: Buffer;
  private readonly words: Uint32Array;
  private readonly start: number;
  private readonly iovecs = MESSAGES * HEADER_SIZE;
  private readonly names = this.iovecs + MESSAGES * IOVEC_SIZE;
  private readonly controls = this.names + MESSAGES * NAME_SIZE;
  private readonly payloads = this.controls + MESSAGES * CONTROL_SIZE;

  constructor(native: Native, size: number) {
    this.size = size;
    this.stride = ((size + 7) & ~7) + CACHE_LINE * 3;
    const memory = new ArrayBuffer(this.payloads + MESSAGES * this.stride);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
    this.start = Number(native.pointerTo(memory));
    for (let i = 0; i < MESSAGES; i++) {
      const header = i * HEADER_SIZE;
      this.headers.push(BigInt(this.start + header));
      this.point(header + NAME, this.start + this.names + i * NAME_SIZE);
      this.point(header + IOVEC, this.start + this.iovecs + i * IOVEC_SIZE);
      this.words[(header + IOVEC_COUNT) / WORD] = 1;
      this.point(header + CONTROL, this.start + this.controls + i * CONTROL_SIZE);
      this.setPayload(i, this.payloadAt(i), size);
      this.reset(i);
    }
  }

  /** Where the bytes of a message lie that belong to it. */
  payloadAt(message: number): number {
    return this.start + this.payloads + message * this.stride;
  }

  /** The same as a buffer. */
  payload(message: number, length: number): Buffer {
    const at = this.payloads + message * this.stride;
    return this.bytes.subarray(at, at + length);
  }

  /** Has the message begin somewhere else, with so many bytes. */
  setPayload(message: number, at: number, length: number): void {
    const iovec = this.iovecs + message * IOVEC_SIZE;
    this.point(iovec, at);
    this.words[(iovec + 8) / WORD] = length;
  }

  /** Room for the name and what stands beside it, before something is read. */
  reset(message: number): void {
    this.setLengths(message, NAME_SIZE, CONTROL_SIZE);
  }

  setLengths(message: number, name: number, control: number): void {
    const header = message * HEADER_SIZE;
    this.words[(header + NAME_LENGTH) / WORD] = name;
    this.words[(header + CONTROL_LENGTH) / WORD] = control;
  }

  /** How many bytes were read. */
  lengthOf(message: number): number {
    return this.words[(message * HEADER_SIZE + LENGTH) / WORD];
  }

  flagsOf(message: number): number {
    return this.words[(message * HEADER_SIZE + FLAGS) / WORD];
  }

  controlLengthOf(message: number): number {
    return this.words[(message * HEADER_SIZE + CONTROL_LENGTH) / WORD];
  }

  name(message: number): Buffer {
    const at = this.names + message * NAME_SIZE;
    return this.bytes.subarray(at, at + NAME_SIZE);
  }

  /** A word (32 bits) of the name: the first holds family and port, in IPv4 the second the address. */
  nameWord(message: number, word: number): number {
    return this.words[(this.names + message * NAME_SIZE) / WORD + word];
  }

  control(message: number): Buffer {
    const at = this.controls + message * CONTROL_SIZE;
    return this.bytes.subarray(at, at + CONTROL_SIZE);
  }

  /** Copies a name and what stands beside it, kept by {@link keptWords}. */
  setNameAndControl(message: number, name: Uint32Array, control: Uint32Array): void {
    this.words.set(name, (this.names + message * NAME_SIZE) / WORD);
    this.words.set(control, (this.controls + message * CONTROL_SIZE) / WORD);
  }

  private point(at: number, to: number): void {
    this.words[at / WORD] = to % 2 ** 32;
    this.words[at / WORD + 1] = Math.floor(to / 2 ** 32);
  }
}

/** A copy of bytes as words, to be written back in one go. */
export function keptWords(bytes: Buffer): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / WORD));
  Buffer.from(words.buffer).set(bytes);
  return words;
}
