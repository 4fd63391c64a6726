/**
 * Cuts a stream of bytes into whole values of the Redis protocol, without making anything of what is in them: most are handed on as they are.
 * Follows https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2, inline commands).
 */
import { inlineWords } from '#wire/redis/inline-command.ts';
import { encodeCommand, encodeResp, parseResp } from '#wire/redis/resp-value.ts';

/** Bytes that are no value. */
export class RespError extends Error {}

export interface RespLimits {
  /** Bytes of one string. */
  maxBulk: number;
  /** Elements of one array. */
  maxArray: number;
  /** Arrays within arrays. */
  maxDepth: number;
  /** Bytes of a line: a simple string, an error, a number, an inline command. */
  maxLine: number;
}

export const RESP_LIMITS: RespLimits = {
  maxBulk: 512 * 1024 * 1024,
  maxArray: 1024 * 1024,
  maxDepth: 128,
  maxLine: 64 * 1024,
};

const CR = 0x0d;
const LF = 0x0a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const DOLLAR = 0x24;
const STAR = 0x2a;
const ZERO = 0x30;
/** Of 64 bits. */
const MAX_DIGITS = 19;
const NO_BYTES = Buffer.alloc(0);

export class RespReader {
  private readonly limits: RespLimits;
  private readonly inline: boolean;
  private bytes: Buffer = NO_BYTES;
  /** Where what came ends in `bytes`. */
  private end = 0;
  /** Where the value begins that is not whole yet, and how far it was looked at. */
  private start = 0;
  private at = 0;
  /** For each array that is open, the elements to come. */
  private readonly open: number[] = [];
  /** Bytes of a string, with the line's end behind it, that are to come. */
  private skip = 0;
  private nullArray = false;

  /** @param inline whether commands may come as plain lines: from clients */
  constructor(inline: boolean, limits: RespLimits = RESP_LIMITS) {
    this.inline = inline;
    this.limits = limits;
  }

  /** Bytes that are kept for a value that is not whole. */
  get buffered(): number {
    return this.end - this.start;
  }

  /** Adds bytes, which are copied. */
  push(bytes: Uint8Array, count = bytes.length): void {
    if (this.end + count > this.bytes.length) this.makeRoom(count);
    this.bytes.set(bytes.subarray(0, count), this.end);
    this.end += count;
  }

  /**
   * @returns the next whole value, in the form in which values are handed on, or undefined where more has to come
   * @throws RespError for bytes that are none
   */
  next(): Buffer | undefined {
    if (this.inline && this.at === this.start && this.start < this.end && this.bytes[this.start] !== STAR) {
      const inline = this.inlineCommand();
      if (inline !== OTHER) return inline;
    }
    while (this.step()) {
      if (this.open.length > 0 || this.skip > 0) continue;
      const value = Buffer.allocUnsafe(this.at - this.start);
      this.bytes.copy(value, 0, this.start, this.at);
      const changed = this.nullArray;
      this.nullArray = false;
      this.start = this.at;
      if (this.start === this.end) this.start = this.at = this.end = 0;
      // A null array is handed on as a null string, as by Envoy.
      return changed ? encodeResp(parseResp(value)) : value;
    }
    return undefined;
  }

  private makeRoom(count: number): void {
    const kept = this.end - this.start;
    const size = Math.max(4096, kept + count);
    const bytes =
      size <= this.bytes.length ? this.bytes : Buffer.allocUnsafe(Math.max(size, Math.min(2 * kept, 1 << 26)));
    this.bytes.copy(bytes, 0, this.start, this.end);
    this.bytes = bytes;
    this.at -= this.start;
    this.end = kept;
    this.start = 0;
  }

  /** Goes one line, or one string, further. @returns false where that is not there yet */
  private step(): boolean {
    if (this.skip > 0) {
      const after = this.at + this.skip;
      if (after > this.end) return false;
      if (this.bytes[after - 2] !== CR || this.bytes[after - 1] !== LF) throw new RespError('no end behind a string');
      this.at = after;
      this.skip = 0;
      this.element();
      return true;
    }
    const after = this.lineEnd();
    if (after < 0) return false;
    const from = this.at;
    this.at = after;
    switch (this.bytes[from]) {
      case PLUS:
      case MINUS:
        this.element();
        return true;
      case COLON:
        this.number(from + 1, after - 2);
        this.element();
        return true;
      case DOLLAR:
        this.bulk(this.number(from + 1, after - 2));
        return true;
      case STAR:
        this.array(this.number(from + 1, after - 2));
        return true;
      default:
        throw new RespError('a value of no known type');
    }
  }

  /** @returns where the line ends that begins at `at`, or -1 where it does not yet */
  private lineEnd(): number {
    const { bytes, at, end } = this;
    const found = bytes.indexOf(CR, at);
    if (found < 0 || found + 1 >= end) {
      if (end - at > this.limits.maxLine) throw new RespError('a line that is too long');
      return -1;
    }
    if (bytes[found + 1] !== LF) throw new RespError('a carriage return without a line feed');
    return found + 2;
  }

  private number(from: number, to: number): number {
    const { bytes } = this;
    const negative = bytes[from] === MINUS;
    const first = negative ? from + 1 : from;
    if (to <= first || to - first > MAX_DIGITS) throw new RespError('a number that is none');
    let number = 0;
    for (let at = first; at < to; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) throw new RespError('a number that is none');
      number = number * 10 + digit;
    }
    return negative ? -number : number;
  }

  private bulk(length: number): void {
    if (length < -1 || length > this.limits.maxBulk) throw new RespError('a string of no possible length');
    if (length === -1) this.element();
    else this.skip = length + 2;
  }

  private array(count: number): void {
    if (count < -1 || count > this.limits.maxArray) throw new RespError('an array of no possible size');
    if (count === -1) this.nullArray = true;
    if (count <= 0) return this.element();
    if (this.open.length >= this.limits.maxDepth) throw new RespError('arrays too deep within one another');
    this.open.push(count);
  }

  /** An element is whole, and with it perhaps the arrays that it is the last of. */
  private element(): void {
    const { open } = this;
    while (open.length > 0 && --open[open.length - 1] === 0) open.pop();
  }

  /** A line of words in place of an array. @returns OTHER for what begins like a value */
  private inlineCommand(): Buffer | undefined | typeof OTHER {
    const first = this.bytes[this.start];
    if (first === DOLLAR || first === PLUS || first === MINUS || first === COLON) return OTHER;
    const after = this.lineEnd();
    if (after < 0) return undefined;
    const words = inlineWords(this.bytes.subarray(this.start, after - 2));
    if (words === undefined) throw new RespError('quotes that do not match');
    this.start = this.at = after;
    if (this.start === this.end) this.start = this.at = this.end = 0;
    return encodeCommand(words);
  }
}

const OTHER = Symbol('other');
