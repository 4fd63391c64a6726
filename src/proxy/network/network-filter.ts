/**
 * What a terminal network filter is to the listener room: it takes connections over. Non-terminal ones stand before it in its chain.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/network_filters
 */
import type { Socket } from 'node:net';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';

export interface NetworkFilterInUse {
  /** A connection is on its way here: TLS may have to be agreed on first. */
  begin(connection: DownstreamConnection): void;
  /** It does not come: the handshake failed. @param closedByUs it took too long */
  lost(connection: DownstreamConnection, closedByUs: boolean): void;
  /** Takes a connection: the result gets its socket's events. */
  accept(socket: Socket, connection: DownstreamConnection): SocketOwner;
  /** The listener drains: idle connections close. */
  drain(): void;
  /** Connections open. */
  readonly active: number;
}
