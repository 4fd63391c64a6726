/**
 * How one listener finds another on its worker, to hand a connection over.
 */
import type { Metadata } from '#config/model/route.ts';
import type { DownstreamConnection, HandedState } from '#proxy/listeners/downstream-connection.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';

/** What comes along with a connection to an internal listener. */
export interface InternalConnection {
  endpointId: string;
  metadata: Metadata | undefined;
  state: HandedState | undefined;
}

/** A listener that takes a connection over. */
export interface ConnectionTaker {
  /** Takes a connection that this process made to itself. */
  acceptInternal(socket: OwnedSocket, from: InternalConnection): void;
  /** @param early what was read of the socket before */
  adopt(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void;
}

export interface ListenerLookup {
  /** The listener at exactly this address, else the one at this port of every address. */
  byAddress(address: string, port: number): ConnectionTaker | undefined;
  /** The internal listener of that name. */
  internal(name: string): ConnectionTaker | undefined;
}
