/**
 * HTTP/2 frames with as little around them as goes (RFC 9113, section 4.1): load and backend should cost less than the proxy between them.
 */
import type { Socket } from 'node:net';

export const DATA = 0;
export const HEADERS = 1;
const SETTINGS = 4;
const PING = 6;
const ACK = 1;
const HEADER = 9;
const LARGEST_WINDOW = 2 ** 31 - 1;
const WINDOW = 2 ** 30;

export function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** SETTINGS with the largest window for streams, and as much for the connection. */
export function opening(): Buffer {
  const window = Buffer.from([0, 4, 0, 0, 0, 0]);
  window.writeUInt32BE(LARGEST_WINDOW, 2);
  return Buffer.concat([frame(SETTINGS, 0, 0, window), windowUpdate(0, WINDOW)]);
}

export function windowUpdate(id: number, size: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size);
  return frame(8, 0, id, payload);
}

/** Reads frames from a socket; what is to be sent for those of one read leaves in one write. */
export class RawFrames {
  readonly socket: Socket;
  private readonly onFrame: (type: number, id: number, whole: Buffer, out: Buffer[]) => void;
  private rest: Buffer = Buffer.alloc(0);
  private skip: number;
  private received = 0;

  /** @param skip bytes before the first frame: a client's preface */
  constructor(socket: Socket, skip: number, onFrame: (type: number, id: number, whole: Buffer, out: Buffer[]) => void) {
    this.socket = socket;
    this.skip = skip;
    this.onFrame = onFrame;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.read(bytes));
    socket.on('error', () => socket.destroy());
  }

  private read(bytes: Buffer): void {
    const all = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const out: Buffer[] = [];
    let pos = Math.min(this.skip, all.length);
    this.skip -= pos;
    while (all.length - pos >= HEADER) {
      const end = pos + HEADER + all.readUIntBE(pos, 3);
      if (all.length < end) break;
      this.take(all[pos + 3], all[pos + 4], all.readUInt32BE(pos + 5), all.subarray(pos, end), out);
      pos = end;
    }
    this.rest = Buffer.from(all.subarray(pos));
    this.received += bytes.length;
    if (this.received > WINDOW / 2) {
      out.push(windowUpdate(0, this.received));
      this.received = 0;
    }
    if (out.length > 0) this.socket.write(out.length === 1 ? out[0] : Buffer.concat(out));
  }

  private take(type: number, flags: number, id: number, whole: Buffer, out: Buffer[]): void {
    if (type === SETTINGS && (flags & ACK) === 0) out.push(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
    else if (type === PING && (flags & ACK) === 0) out.push(frame(PING, ACK, 0, whole.subarray(HEADER)));
    else this.onFrame(type, id, whole, out);
  }
}
