/**
 * The body of an HTTP/1 message, a piece at a time (RFC 9112, section 6 and 7). States are small integers because this runs for every read:
 * each is named with the section that it serves.
 */
import type { Headers } from '#wire/headers.ts';
import { CR, HEX, LF, SEMICOLON, SP, TAB, VALUE } from '#wire/http1/characters.ts';
import { parseFields } from '#wire/http1/fields.ts';
import { CHUNKED, NO_LENGTH } from '#wire/http1/framing.ts';
import { HeldHead } from '#wire/http1/held-head.ts';
import { INCOMPLETE, ParseError } from '#wire/http1/parse-error.ts';

/** 6.2: `left` bytes to come. */
const LENGTH = 0;
/** 7.1: the first digit of a chunk size is next. */
const SIZE_START = 1;
/** 7.1: in a chunk size. */
const SIZE = 2;
/** 7.1.1: in a chunk extension, which is checked and dropped. */
const EXTENSION = 3;
/** 7.1: the LF of a size line is next. */
const SIZE_LF = 4;
/** 7.1: `left` bytes of this chunk to come. */
const DATA = 5;
/** 7.1: the CR, then the LF after a chunk's data. */
const DATA_CR = 6;
const DATA_LF = 7;
/** 7.1.2: trailer fields, up to the empty line. */
const TRAILERS = 8;
/** 6.3, rule 8: everything until the connection closes; responses only. */
const UNTIL_CLOSE = 9;
const DONE = 10;

const LINE_END = Buffer.from('\r\n');

/** What is read out of a body. Positions are into the buffer given to `read`. */
export interface BodySink {
  /** A piece of the body. Where its length was known, the last piece comes when the reader is `done`, and nothing after it. */
  onBody(bytes: Buffer, start: number, end: number): void;
  /** A chunked body is complete; `trailers` where there were any. */
  onBodyEnd(trailers: Headers | undefined): void;
}

/** Longest size line that is accepted, extension included. */
const LINE_LIMIT = 4096;

export class BodyReader {
  /** While the sink is told something: how far the buffer has been read. */
  position = 0;
  private state = DONE;
  private left = 0;
  private digits = 0;
  private lineLength = 0;
  /** Trailers that came in pieces, behind a line end of our own. */
  private heldTrailers: HeldHead | undefined = undefined;
  /** Fields are read into this; made when the first trailer comes. */
  private readonly makeTrailers: () => Headers;
  private readonly trailerLimit: number;
  private readonly maxFields: number;

  constructor(makeTrailers: () => Headers, trailerLimit: number, maxFields: number) {
    this.makeTrailers = makeTrailers;
    this.trailerLimit = trailerLimit;
    this.maxFields = maxFields;
  }

  /** Begins a body. @param length a length, CHUNKED, or NO_LENGTH for one that ends with the connection */
  begin(length: number): void {
    this.lineLength = 0;
    this.heldTrailers = undefined;
    if (length === CHUNKED) this.state = SIZE_START;
    else if (length === NO_LENGTH) this.state = UNTIL_CLOSE;
    else {
      this.left = length;
      this.state = length === 0 ? DONE : LENGTH;
    }
  }

  get done(): boolean {
    return this.state === DONE;
  }

  /** Whether the end of the connection ends this body rightly. */
  get endsWithConnection(): boolean {
    return this.state === UNTIL_CLOSE;
  }

  /** Bytes of a known length that have not come yet. */
  get remaining(): number {
    return this.state === LENGTH ? this.left : 0;
  }

  /** Reads on. Calls the sink; at the end of the body stops. @returns the position after what was read, or a ParseError */
  read(bytes: Buffer, pos: number, end: number, sink: BodySink): number {
    while (pos < end) {
      switch (this.state) {
        case LENGTH: {
          const stop = Math.min(end, pos + this.left);
          this.left -= stop - pos;
          if (this.left === 0) this.state = DONE;
          this.position = stop;
          sink.onBody(bytes, pos, stop);
          return stop;
        }
        case UNTIL_CLOSE:
          this.position = end;
          sink.onBody(bytes, pos, end);
          return end;
        case DATA: {
          const stop = Math.min(end, pos + this.left);
          this.left -= stop - pos;
          if (this.left === 0) this.state = DATA_CR;
          this.position = stop;
          sink.onBody(bytes, pos, stop);
          pos = stop;
          break;
        }
        case TRAILERS:
          return this.readTrailers(bytes, pos, end, sink);
        case DONE:
          return pos;
        default: {
          const error = this.framingByte(bytes[pos]);
          if (error !== 0) return error;
          pos++;
        }
      }
    }
    return pos;
  }

  /** One byte of chunk framing. @returns 0 or a ParseError */
  private framingByte(c: number): number {
    switch (this.state) {
      case SIZE_START:
      case SIZE: {
        const digit = HEX[c];
        if (digit !== 255) {
          if (this.state === SIZE_START) {
            this.left = 0;
            this.digits = 0;
            this.lineLength = 0;
          }
          this.state = SIZE;
          this.left = this.left * 16 + digit;
          // 13 hexadecimal digits stay below 2^53; leading zeros count, so that a line stays short.
          return ++this.digits > 13 ? ParseError.BadChunkSize : 0;
        }
        if (this.state === SIZE_START) return ParseError.BadChunkSize;
        if (c === CR) this.state = SIZE_LF;
        else if (c === SEMICOLON || c === SP || c === TAB) this.state = EXTENSION;
        else return c === LF ? ParseError.BareLineFeed : ParseError.BadChunkSize;
        return 0;
      }
      case EXTENSION:
        if (c === CR) this.state = SIZE_LF;
        else if (VALUE[c] === 0) return c === LF ? ParseError.BareLineFeed : ParseError.BadChunkSize;
        return ++this.lineLength > LINE_LIMIT ? ParseError.ChunkLineTooLong : 0;
      case SIZE_LF:
        if (c !== LF) return ParseError.BareCarriageReturn;
        this.state = this.left === 0 ? TRAILERS : DATA;
        return 0;
      case DATA_CR:
        if (c !== CR) return ParseError.BadChunk;
        this.state = DATA_LF;
        return 0;
      default:
        if (c !== LF) return ParseError.BadChunk;
        this.state = SIZE_START;
        return 0;
    }
  }

  /** Trailer fields may come in pieces: what is incomplete is kept until it is whole, up to the limit. */
  private readTrailers(bytes: Buffer, pos: number, end: number, sink: BodySink): number {
    const held = this.heldTrailers;
    if (held === undefined) {
      if (bytes[pos] === CR && pos + 1 < end && bytes[pos + 1] === LF) {
        this.state = DONE;
        this.position = pos + 2;
        sink.onBodyEnd(undefined);
        return pos + 2;
      }
      const after = this.parseTrailers(bytes, pos, end, sink, 0);
      if (after !== INCOMPLETE) return after;
      this.heldTrailers = new HeldHead();
      // With the line end in front, an empty section looks like the end of any other.
      this.heldTrailers.append(LINE_END, 0, LINE_END.length);
      this.heldTrailers.append(bytes, pos, end);
      return end;
    }
    const added = held.append(bytes, pos, end);
    if (!held.mayBeWhole(added) && held.length - LINE_END.length <= this.trailerLimit) return end;
    const after = this.parseTrailers(held.bytes, LINE_END.length, held.length, sink, pos - added);
    return after === INCOMPLETE ? end : after;
  }

  /**
   * @param shift what makes of a position in `bytes` one in the buffer that is being read
   * @returns the position after the trailers in the buffer that is being read, INCOMPLETE, or a ParseError
   */
  private parseTrailers(bytes: Buffer, start: number, end: number, sink: BodySink, shift: number): number {
    const trailers = this.makeTrailers();
    const after = parseFields(bytes, start, end, start, trailers, this.maxFields);
    if ((after === INCOMPLETE ? end : after) - start > this.trailerLimit) return ParseError.HeadTooLarge;
    if (after < 0) return after;
    trailers.text = bytes.latin1Slice(start, after);
    this.state = DONE;
    this.heldTrailers = undefined;
    this.position = after + shift;
    sink.onBodyEnd(trailers.count > 0 ? trailers : undefined);
    return after + shift;
  }
}
