/**
 * Has a tap see what passes a socket. Nothing here is in the way of sockets without one.
 */
import type { Socket } from 'node:net';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { SocketTap } from '#proxy/transport/tap/socket-tap.ts';

type Encoded = [text: string, encoding: BufferEncoding];

/** All the ways in which Node, and we, write to a handle. */
interface WritableHandle {
  writeBuffer(request: unknown, bytes: Uint8Array): unknown;
  writev(request: unknown, chunks: unknown[], areBuffers?: boolean): unknown;
  writeUtf8String(request: unknown, text: string): unknown;
  writeAsciiString(request: unknown, text: string): unknown;
  writeLatin1String(request: unknown, text: string): unknown;
  writeUcs2String(request: unknown, text: string): unknown;
}

const TEXTS = [
  ['writeUtf8String', 'utf8'],
  ['writeAsciiString', 'ascii'],
  ['writeLatin1String', 'latin1'],
  ['writeUcs2String', 'utf16le'],
] as const;

/** From now on `tap` hears of what is written. With TLS: before it is encrypted. */
export function tapWrites(socket: Socket, tap: SocketTap): void {
  const { _handle: handle } = socket as unknown as { _handle?: WritableHandle | null };
  if (handle === undefined || handle === null) return;
  const { writeBuffer, writev } = handle;
  handle.writeBuffer = (request, bytes) => {
    tap.onWrite(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return writeBuffer.call(handle, request, bytes);
  };
  handle.writev = (request, chunks, areBuffers) => {
    tap.onWrite(gathered(chunks, areBuffers === true));
    return writev.call(handle, request, chunks, areBuffers);
  };
  for (const [method, encoding] of TEXTS) {
    const write = handle[method];
    handle[method] = (request, text) => {
      tap.onWrite(Buffer.from(text, encoding));
      return write.call(handle, request, text);
    };
  }
}

/** @param chunks buffers, or buffers and texts with their encodings behind each */
function gathered(chunks: unknown[], areBuffers: boolean): Buffer {
  if (areBuffers) return Buffer.concat(chunks as Buffer[]);
  const pieces: Buffer[] = [];
  for (let i = 0; i < chunks.length; i += 2) {
    const [chunk, encoding] = [chunks[i], chunks[i + 1]] as Encoded;
    pieces.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
  }
  return Buffer.concat(pieces);
}

/** The owner, with `tap` before it. */
export function tappedOwner(owner: SocketOwner, tap: SocketTap): SocketOwner {
  return {
    onRead: (count, bytes) => {
      tap.onRead(count, bytes);
      owner.onRead(count, bytes);
    },
    onEnd: () => owner.onEnd(),
    onDrain: () => owner.onDrain(),
    onError: (error) => owner.onError?.(error),
    onClose: () => {
      tap.onClose();
      owner.onClose();
    },
  };
}
