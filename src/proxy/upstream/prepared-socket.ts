/**
 * Sockets to upstreams with options of their own (SO_MARK, IP_FREEBIND and the like), which have to be set before Node connects them.
 * Follows envoy.config.core.v3.BindConfig.socket_options.
 */
import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { Address } from '#config/model/address.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import type { ConnectTarget } from '#proxy/tls/upstream-context.ts';
import { applySocketOptions } from '#proxy/transport/apply-socket-options.ts';
import { closeDescriptor, openTcpSocket } from '#proxy/transport/native-sockets.ts';

/**
 * Begins to connect. As in Envoy, only options of the state before binding count. Of a host with several addresses, the first is tried.
 * @param onread where it reads to; undefined: TLS goes around it
 * @throws as the system does where it does not take an option
 */
export function connectPrepared(
  address: Extract<Address, { kind: 'ip' }>,
  options: readonly SocketOption[],
  target: ConnectTarget,
  onread: OnReadOpts | undefined,
): Socket {
  const fd = openTcpSocket(address.address.includes(':') ? 6 : 4);
  try {
    applySocketOptions(fd, address, options, 'PREBIND');
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  return connect({ ...target, fd, manualStart: true, readable: true, writable: true, onread } as never);
}
