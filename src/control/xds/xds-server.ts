/**
 * A management server: gRPC and REST on one port, told apart by a connection's first bytes. Plain text, for use on a trusted network.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */
import { createServer as createHttp1Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { addDiscoveryServices } from '#control/xds/discovery-service.ts';
import type { XdsListener } from '#control/xds/events.ts';
import { restHandler } from '#control/xds/rest.ts';
import type { SnapshotCache } from '#control/xds/snapshot-cache.ts';

export interface XdsServerOptions {
  cache: SnapshotCache;
  host: string;
  /** 0: one that is free. */
  port: number;
  /** Hears what clients do. */
  onEvent?: XdsListener;
}

export interface XdsServer {
  readonly port: number;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** What every HTTP/2 connection begins with (RFC 9113, section 3.4), as far as HTTP/1 cannot begin so too. */
const HTTP2 = 'PRI * HTTP/2';
/** gRPC clients send resources of any size in one message. */
const LARGEST_MESSAGE = 256 * 1024 * 1024;

/** @returns once it listens. @throws where it cannot. */
export async function startXdsServer({ cache, host, port, onEvent = () => {} }: XdsServerOptions): Promise<XdsServer> {
  const routes = connectNodeAdapter({
    routes: (router) => addDiscoveryServices(router, cache, onEvent),
    connect: false,
    grpcWeb: false,
    readMaxBytes: LARGEST_MESSAGE,
    writeMaxBytes: LARGEST_MESSAGE,
  });
  const grpc = createHttp2Server({ settings: { maxConcurrentStreams: 1000 } }, routes);
  const rest = createHttp1Server(restHandler(cache, onEvent));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    tellApart(socket, (isHttp2) => (isHttp2 ? grpc : rest).emit('connection', socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What was read goes back into the socket. */
function tellApart(socket: Socket, then: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const onReadable = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const text = seen.latin1Slice(0, HTTP2.length);
    if (text.length < HTTP2.length && HTTP2.startsWith(text)) return;
    socket.off('readable', onReadable);
    socket.unshift(seen);
    then(text === HTTP2);
  };
  socket.on('readable', onReadable);
}
