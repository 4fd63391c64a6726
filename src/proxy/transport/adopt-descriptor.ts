/**
 * A socket around a descriptor of a TCP connection that another thread of this process accepted.
 */
import { Socket } from 'node:net';
import { type OwnedSocket, onread } from '#proxy/transport/owned-socket.ts';

interface Bindings {
  tcp_wrap: { TCP: new (type: number) => { open(fd: number): number } };
}

const SOCKET = 0;

/** The descriptor is the socket's from now on. */
export function adoptDescriptor(fd: number): OwnedSocket {
  const { binding } = process as unknown as { binding<K extends keyof Bindings>(name: K): Bindings[K] };
  const { TCP } = binding('tcp_wrap');
  const handle = new TCP(SOCKET);
  handle.open(fd);
  return new Socket({ handle, onread, readable: true, writable: true } as never);
}
