/**
 * What one socket has to send. Heads and small bodies gather as latin1 text and leave in one write at the end of the event. Large pieces stay
 * as they are, and what they lie in is held until they are written: several of them leave in one write, at the end of the turn of the loop.
 * (Measured with bodies of 1 MiB: half of the writes.)
 *
 * Node's TLS takes one write at a time, and each is over a turn of the loop later: what comes meanwhile waits here. (Measured: 3 us less a
 * request over TLS, of 31, than with Node's Writable, which sees to that otherwise.)
 */
import type { Socket } from 'node:net';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import {
  type DirectWriter,
  type HeldPiece,
  releasePieces,
  writeBytesDirectly,
  writeDirectly,
  writePiecesDirectly,
} from '#proxy/transport/direct-write.ts';
import { flushAfterTurn, flushSoon } from '#proxy/transport/io-event.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';
import { BODY_READ, holdLease, leaseFor, readMore, release } from '#proxy/transport/read-buffers.ts';

/** Bodies up to this many bytes join the text: copying them costs less than a write of their own. */
const JOIN_LIMIT = 16 * 1024;

/** So many bytes of large pieces wait for more at most: three reads of a body. */
const GATHER_LIMIT = 3 * BODY_READ;

type Piece = string | HeldPiece;

export class Outgoing implements DirectWriter {
  readonly socket: Socket;
  /** Bytes handed to the socket or gathered so far, over its life. */
  bytes = 0;
  private text = '';
  private marked = false;
  /** Large pieces that wait for more of them, and their bytes; `text` comes behind them. */
  private pieces: HeldPiece[] = [];
  private gathered = 0;
  /** They leave at the end of this turn of the loop. */
  private held = false;
  /** Bytes that were written directly and wait. */
  private waiting = 0;
  /** Somebody was told that too much waits. */
  private over = false;
  /** Over TLS: takes one write at a time. */
  private readonly single: boolean;
  /** What comes, in order, behind the write under way and before `text`. */
  private readonly behind: Piece[] = [];
  private behindBytes = 0;
  /** The socket ends when all of it is written. */
  private ending = false;
  private readonly bufferedBytes: BufferedBytes | undefined;

  /** @param bufferedBytes is told how much the kernel has not taken */
  constructor(socket: Socket, bufferedBytes?: BufferedBytes) {
    this.socket = socket;
    this.bufferedBytes = bufferedBytes;
    this.single = (socket as { encrypted?: boolean }).encrypted === true;
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
    const lease = holdLease(chunk);
    if (lease === undefined) return this.writeCopy(chunk);
    if (this.single) {
      if (this.text !== '') this.flushText();
      this.writeSingle({ chunk, lease });
      return;
    }
    if (this.text !== '') this.gatherText();
    this.gather({ chunk, lease });
  }

  /** A large piece whose place is needed for the next read: copied, and the head before it leaves in the same write. */
  private writeCopy(chunk: Buffer): void {
    const { text } = this;
    this.text = '';
    const lease = leaseFor(text.length + chunk.length);
    lease.buffer.latin1Write(text, 0, text.length);
    chunk.copy(lease.buffer, text.length);
    const piece = { chunk: lease.buffer.subarray(0, text.length + chunk.length), lease };
    if (this.single) this.writeSingle(piece);
    else this.gather(piece);
  }

  /** Over TLS, which would copy several pieces into one. */
  private writeSingle(piece: HeldPiece): void {
    const { socket } = this;
    readMore();
    if (this.occupied) this.keep(piece, piece.chunk.length);
    else if (this.takesDirectly) this.waiting += writeBytesDirectly(socket, piece.chunk, this, piece.lease);
    else this.writePiece(piece);
  }

  private gather(piece: HeldPiece): void {
    this.pieces.push(piece);
    this.gathered += piece.chunk.length;
    if (this.gathered >= GATHER_LIMIT) {
      this.writeGathered();
    } else if (!this.held) {
      this.held = true;
      flushAfterTurn(this);
    }
  }

  /** Text between large pieces keeps its place among them. */
  private gatherText(): void {
    const chunk = Buffer.from(this.text, 'latin1');
    this.text = '';
    this.pieces.push({ chunk, lease: undefined });
    this.gathered += chunk.length;
  }

  private writeGathered(): void {
    const { socket, pieces, gathered } = this;
    this.pieces = [];
    this.gathered = 0;
    if (!socket.writable) releasePieces(pieces);
    else if (this.takesDirectly) this.waiting += writePiecesDirectly(socket, pieces, gathered, this);
    else for (const piece of pieces) this.writePiece(piece);
  }

  /** Ends the socket once everything was written. */
  end(): void {
    this.held = false;
    this.flush();
    if (this.occupied) this.ending = true;
    else this.socket.destroySoon();
  }

  /** Bytes that the kernel has not taken yet. */
  get buffered(): number {
    return this.socket.writableLength + this.waiting + this.behindBytes + this.gathered + this.text.length;
  }

  /** Nothing may be written now. */
  private get occupied(): boolean {
    return this.single && this.waiting > 0;
  }

  /** What Node's Writable holds back goes first. */
  private get takesDirectly(): boolean {
    const { socket } = this;
    return socket.writable && socket.writableLength === 0 && !socket.connecting;
  }

  private keep(piece: Piece, bytes: number): void {
    this.behind.push(piece);
    this.behindBytes += bytes;
  }

  /** Whether more than `limit` bytes wait. The socket's owner then hears `onDrain` as soon as they do not. */
  isOver(limit: number): boolean {
    if (this.buffered <= limit) return false;
    if (this.gathered > 0) {
      this.writeAll();
      if (this.buffered <= limit) return false;
    }
    this.over = true;
    // Looked at again when the event is over.
    if (!this.marked) this.mark();
    return true;
  }

  /** Called at the end of the event, where text was added, and at the end of the turn, where large pieces were. */
  flush(): void {
    const { marked } = this;
    this.marked = false;
    // The other call comes yet.
    if (marked && this.held) return;
    this.held = false;
    this.writeAll();
    this.tellHeld();
    if (this.over) this.tellDrained();
  }

  private tellHeld(): void {
    this.bufferedBytes?.onWrite(this.socket.writableLength + this.waiting + this.behindBytes);
  }

  private writeAll(): void {
    if (this.pieces.length > 0) {
      if (this.text !== '') this.gatherText();
      this.writeGathered();
    } else if (this.text !== '') this.flushText();
  }

  /** Nothing that will tell by itself waits any more. */
  private tellDrained(): void {
    if (this.waiting > 0 || this.socket.writableNeedDrain) return;
    this.over = false;
    (this.socket as OwnedSocket).owner?.onDrain();
  }

  private mark(): void {
    this.marked = true;
    flushSoon(this);
  }

  private flushText(): void {
    const text = this.text;
    this.text = '';
    const { socket } = this;
    if (!socket.writable) return;
    if (this.occupied) this.keep(text, text.length);
    else if (this.takesDirectly) this.waiting += writeDirectly(socket, text, this);
    else this.writePiece(text);
  }

  onWritten(bytes: number): void {
    this.waiting -= bytes;
    if (this.behind.length > 0) this.writeBehind();
    this.tellHeld();
    if (this.over) this.tellDrained();
    if (this.ending && !this.occupied) this.socket.destroySoon();
  }

  private writeBehind(): void {
    const pieces = this.behind.splice(0);
    this.behindBytes = 0;
    if (pieces.length === 1 && typeof pieces[0] === 'string') {
      this.text = pieces[0] + this.text;
      this.flushText();
      return;
    }
    for (const piece of pieces) this.writePiece(piece);
  }

  /** Through Node's Writable, which keeps the order. A socket that is gone takes nothing; the piece's buffer is free then. */
  private writePiece(piece: Piece): void {
    if (typeof piece === 'string') {
      this.socket.write(piece, 'latin1', () => this.tellHeld());
      return;
    }
    const { chunk, lease } = piece;
    this.socket.write(chunk, () => {
      if (lease !== undefined) release(lease);
      this.tellHeld();
    });
  }
}
