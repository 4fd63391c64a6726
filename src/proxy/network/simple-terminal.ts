/**
 * What terminal filters without stats or timers have in common: they count the connections that they serve.
 */
import type { Socket } from 'node:net';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { TerminalInUse } from '#proxy/network/network-filter.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';

export class SimpleTerminal implements TerminalInUse {
  active = 0;
  private readonly sockets = new Set<Socket>();
  private readonly serve: (socket: Socket, connection: DownstreamConnection) => SocketOwner;

  constructor(serve: (socket: Socket, connection: DownstreamConnection) => SocketOwner) {
    this.serve = serve;
  }

  begin(): boolean {
    this.active++;
    return true;
  }

  lost(): void {
    this.active--;
  }

  accept(socket: Socket, connection: DownstreamConnection): SocketOwner {
    const owner = this.serve(socket, connection);
    this.sockets.add(socket);
    return {
      onRead: (count, bytes) => owner.onRead(count, bytes),
      onEnd: () => owner.onEnd(),
      onDrain: () => owner.onDrain(),
      onClose: () => {
        this.active--;
        this.sockets.delete(socket);
        owner.onClose();
      },
    };
  }

  /** Connections end when their clients are done. */
  drain(): void {}

  closeAll(): void {
    for (const socket of [...this.sockets]) socket.destroy();
  }
}
