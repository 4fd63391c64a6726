/**
 * Two sockets of this process that are connected with each other, as Envoy's user space sockets are; these are the kernel's, so that whatever
 * works on a socket (TLS, back-pressure, direct writes) works on them.
 */
import { Socket } from 'node:net';
import { socketPair } from '#proxy/transport/native-sockets.ts';
import { type OwnedSocket, onread } from '#proxy/transport/owned-socket.ts';

interface Handle {
  open(fd: number): void;
}
interface Bindings {
  pipe_wrap: { Pipe: new (type: number) => Handle };
}

const SOCKET = 0;

/** @returns the client's end and the server's. @param secure TLS goes around the client's end, and reads in its own way */
export function internalPair(secure: boolean): [client: OwnedSocket, server: OwnedSocket] {
  const { binding } = process as unknown as { binding<K extends keyof Bindings>(name: K): Bindings[K] };
  const { Pipe } = binding('pipe_wrap');
  const [client, server] = socketPair().map((fd) => {
    const handle = new Pipe(SOCKET);
    handle.open(fd);
    return handle;
  });
  return [socketOf(client, !secure), socketOf(server, true)];
}

function socketOf(handle: object, reads: boolean): OwnedSocket {
  const how = reads ? { onread } : { manualStart: true };
  return new Socket({ handle, ...how, readable: true, writable: true } as never);
}
