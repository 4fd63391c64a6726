/**
 * Sends back what it gets. Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/echo_filter
 */
import type { Socket } from 'node:net';
import { honours } from '#config/read/support.ts';
import { terminalFilter } from '#proxy/network/network-filter.ts';
import { SimpleTerminal } from '#proxy/network/simple-terminal.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';

const MESSAGE = 'envoy.extensions.filters.network.echo.v3.Echo';
const check = honours(MESSAGE, []);

export const echo = terminalFilter({
  name: 'envoy.filters.network.echo',
  message: MESSAGE,
  config(message, at) {
    check(message, at);
    return {};
  },
  use: () => new SimpleTerminal((socket, connection) => new EchoConnection(socket, connection.bufferLimit)),
});

class EchoConnection implements SocketOwner {
  private readonly socket: Socket;
  private readonly outgoing: Outgoing;
  private readonly limit: number;

  constructor(socket: Socket, limit: number) {
    this.socket = socket;
    this.outgoing = new Outgoing(socket);
    this.limit = limit;
    socket.allowHalfOpen = true;
  }

  onRead(count: number, bytes: Buffer): void {
    asEvent(() => {
      this.outgoing.writeBytes(bytes.subarray(0, count));
      if (this.outgoing.isOver(this.limit)) this.socket.pause();
    });
  }

  onEnd(): void {
    this.outgoing.flush();
    this.socket.destroySoon();
  }

  onDrain(): void {
    this.socket.resume();
  }

  onClose(): void {}
}
