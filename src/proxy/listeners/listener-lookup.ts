/**
 * How one listener finds another on its worker, to hand a connection over.
 */
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';

/** A listener that takes a connection over. */
export interface ConnectionTaker {
  /** @param early what was read of the socket before */
  adopt(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void;
}

export interface ListenerLookup {
  /** The listener at exactly this address, else the one at this port of every address. */
  byAddress(address: string, port: number): ConnectionTaker | undefined;
}
