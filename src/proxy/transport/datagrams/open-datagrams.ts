/**
 * Opens sockets for datagrams: by calls of the system where Node lets us make them, else Node's own.
 */
import type {
  DatagramOptions,
  DatagramOwner,
  DatagramSocket,
  IpAddress,
} from '#proxy/transport/datagrams/datagram-socket.ts';
import { nativeCalls } from '#proxy/transport/datagrams/libc.ts';
import { openNativeSocket } from '#proxy/transport/datagrams/native-socket.ts';
import { openPlainSocket } from '#proxy/transport/datagrams/plain-socket.ts';

/** Reads at an address; port 0 is any. @throws NodeJS.ErrnoException where it cannot be bound */
export async function bindDatagrams(
  address: IpAddress,
  options: DatagramOptions,
  owner: DatagramOwner,
): Promise<DatagramSocket> {
  const native = nativeCalls();
  if (native !== undefined) return openNativeSocket(native, { bind: address }, options, owner);
  return await openPlainSocket({ bind: address }, options, owner).ready;
}

/**
 * Speaks with one peer. @param bind where it speaks from, if not from anywhere
 * @throws NodeJS.ErrnoException where there is no way there
 */
export function connectDatagrams(
  peer: IpAddress,
  bind: { address: string; port: number } | undefined,
  options: DatagramOptions,
  owner: DatagramOwner,
): DatagramSocket {
  const native = nativeCalls();
  const from = bind === undefined ? undefined : { ...peer, ...bind };
  if (native !== undefined) return openNativeSocket(native, { bind: from, connect: peer }, options, owner);
  return openPlainSocket({ bind: from, connect: peer }, options, owner).socket;
}
