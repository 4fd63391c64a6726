/** A client's bare socket, for tests that read and write as no client should. */
import { connect, type Socket, type TcpSocketConnectOpts } from 'node:net';
import type { Scope } from '#testing/scope.ts';

/**
 * Connects to a port of this machine. The socket is destroyed with the test; that the proxy at its other end is killed
 * before it is no error of the test.
 */
export function plainClient(t: Scope, port: number, options: Partial<TcpSocketConnectOpts> = {}): Socket {
  const socket = connect({ host: '127.0.0.1', ...options, port });
  socket.on('error', () => {});
  t.after(() => void socket.destroy());
  return socket;
}
