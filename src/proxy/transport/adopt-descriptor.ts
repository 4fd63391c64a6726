/**
 * A socket around a descriptor of a TCP connection that another thread of this process accepted.
 */
import { type OwnedSocket, onHandle, type SocketHandle } from '#proxy/transport/owned-socket.ts';

interface Bindings {
  tcp_wrap: { TCP: new (type: number) => SocketHandle & { open(fd: number): number } };
}

const SOCKET = 0;

/** The descriptor is the socket's from now on. */
export function adoptDescriptor(fd: number): OwnedSocket {
  const { binding } = process as unknown as { binding<K extends keyof Bindings>(name: K): Bindings[K] };
  const { TCP } = binding('tcp_wrap');
  const handle = new TCP(SOCKET);
  handle.open(fd);
  return onHandle(handle);
}
