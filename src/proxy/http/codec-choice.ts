/**
 * Which protocol a connection from a client speaks: as codec_type says, or for AUTO by ALPN, or by how it begins (RFC 9113, section 3.3).
 */
import type { Socket } from 'node:net';
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { Http1ServerConnection } from '#proxy/http/http1-server-connection.ts';
import { Http2ServerConnection } from '#proxy/http/http2-server-connection.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import { CLIENT_PREFACE } from '#wire/http2/frame.ts';

/** No request of HTTP/1 begins like this. */
const PREFACE = Buffer.from(CLIENT_PREFACE).subarray(0, 14);

export function chooseCodec(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager): SocketOwner {
  const { codecType } = manager.config;
  const alpn = connection.tls?.alpn ?? '';
  if (codecType === 'HTTP2' || (codecType === 'AUTO' && alpn === 'h2'))
    return new Http2ServerConnection(socket, connection, manager);
  const http1 = new Http1ServerConnection(socket, connection, manager);
  return codecType === 'HTTP1' || alpn !== '' ? http1 : new ByPreface(http1, socket);
}

/** A connection that speaks HTTP/1 unless its first bytes are the preface of HTTP/2. */
class ByPreface implements SocketOwner {
  private codec: ServerConnection;
  private readonly socket: Socket;
  private decided = false;
  /** The beginning of the preface. */
  private held: Buffer | undefined = undefined;

  constructor(http1: Http1ServerConnection, socket: Socket) {
    this.codec = http1;
    this.socket = socket;
  }

  onRead(count: number, bytes: Buffer): void {
    if (this.decided) this.codec.onRead(count, bytes);
    else this.decide(count, bytes);
  }

  private decide(count: number, bytes: Buffer): void {
    const read = bytes.subarray(0, count);
    const first = this.held === undefined ? read : Buffer.concat([this.held, read]);
    const length = Math.min(first.length, PREFACE.length);
    const begins = first.compare(PREFACE, 0, length, 0, length) === 0;
    if (begins && length < PREFACE.length) {
      this.held = Buffer.from(first);
      return;
    }
    this.decided = true;
    this.held = undefined;
    if (begins) {
      const http1 = this.codec as Http1ServerConnection;
      http1.abandon();
      this.codec = new Http2ServerConnection(this.socket, http1.connection, http1.manager);
    }
    this.codec.onRead(first.length, first);
  }

  onEnd(): void {
    this.codec.onEnd();
  }

  onDrain(): void {
    this.codec.onDrain();
  }

  onClose(): void {
    this.codec.onClose();
  }

  onError(error: NodeJS.ErrnoException): void {
    this.codec.onError?.(error);
  }
}
