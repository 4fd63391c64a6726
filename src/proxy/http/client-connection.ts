/**
 * A client's connection to the HTTP connection manager, whatever protocol it speaks: what is known of it, and whose end it is.
 */
import type { Socket } from 'node:net';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';

export abstract class ClientConnection {
  readonly connection: DownstreamConnection;
  readonly manager: ConnectionManager;
  readonly socket: Socket;
  readonly bufferedBytes: BufferedBytes;
  /** What is sent on it. */
  abstract readonly outgoing: { readonly bytes: number; flush(): void };
  /** The client has sent something. */
  begun = false;
  /** It takes no further requests, and closes when those under way are answered. */
  closing = false;
  /** Its time is over: it gets drain_timeout for its last requests, then it is closed. */
  draining = false;
  /** How many of the bytes sent are in the stats. */
  countedBytes = 0;
  /** The codec closed it. */
  protected endedByUs = false;

  constructor(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager) {
    this.socket = socket;
    this.connection = connection;
    this.manager = manager;
    const { downstreamCxRxBytesBuffered: rx, downstreamCxTxBytesBuffered: tx } = manager.stats;
    this.bufferedBytes = connection.countBuffered(rx, tx);
  }

  /** The connection ended because we closed it: the codec, or a network filter. */
  get closedByUs(): boolean {
    return this.endedByUs || this.connection.closedByUs;
  }

  get sentBytes(): number {
    return this.outgoing.bytes;
  }

  destroy(): void {
    this.outgoing.flush();
    this.socket.destroy();
  }
}
