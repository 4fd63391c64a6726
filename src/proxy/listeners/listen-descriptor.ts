/**
 * Sockets that are set up before Node has them: options that count when a socket is bound cannot be set on one that Node bound.
 * Follows envoy.config.core.v3.SocketOption and envoy.config.listener.v3.Listener.enable_mptcp.
 */
import type { Address } from '#config/model/address.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import { bindError } from '#proxy/listeners/bind-error.ts';
import { applySocketOptions } from '#proxy/transport/apply-socket-options.ts';
import {
  bindSocket,
  closeDescriptor,
  intBytes,
  openTcpSocket,
  setSocketOption,
} from '#proxy/transport/native-sockets.ts';
import { ipBytes } from '#selection/ip-range.ts';

export interface DescriptorWish {
  mptcp: boolean;
  options: readonly SocketOption[];
  /** Other workers bind sockets of their own there. */
  reusable: boolean;
  /** For errors. */
  listener: string;
}

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** @returns a descriptor of a bound socket that does not listen yet. @throws with Envoy's words */
export function openListenDescriptor(address: Extract<Address, { kind: 'ip' }>, wish: DescriptorWish): number {
  const family = address.address.includes(':') ? 6 : 4;
  const fd = openTcpSocket(family, wish.mptcp);
  try {
    setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, intBytes(1));
    if (wish.reusable) setSocketOption(fd, SOL_SOCKET, SO_REUSEPORT, intBytes(1));
    if (family === 6) setSocketOption(fd, SOL_IPV6, IPV6_V6ONLY, intBytes(Number(!address.ipv4Compat)));
    orElse('ListenSocket', () => applySocketOptions(fd, address, wish.options, 'PREBIND'));
    try {
      bindSocket(fd, ipBytes(address.address), address.port);
    } catch (error) {
      throw bindError(address, error);
    }
    orElse(wish.listener, () => applySocketOptions(fd, address, wish.options, 'BOUND'));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function orElse(who: string, set: () => void): void {
  try {
    set();
  } catch (error) {
    throw new Error(`${who}: Setting socket options failed (${(error as Error).message})`);
  }
}
