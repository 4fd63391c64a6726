/**
 * Opens sockets to upstream hosts, with TLS where the cluster asks for it.
 */

import { connect, type Socket } from 'node:net';
import { logger } from '#base/logger.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { type HandedState, hostPort, INTERNAL_CLIENT } from '#proxy/listeners/downstream-connection.ts';
import type { ConnectTarget } from '#proxy/tls/upstream-context.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, onread, own, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { SocketTap, TappedConnection } from '#proxy/transport/tap/socket-tap.ts';
import { tappedOwner, tapWrites } from '#proxy/transport/tap/tap-socket.ts';
import { followAttempts } from '#proxy/upstream/connect-attempts.ts';
import { connectInternal, failedConnection } from '#proxy/upstream/connect-internal.ts';
import { connectTarget, socketOptionsFor } from '#proxy/upstream/connect-target.ts';
import { connectPrepared } from '#proxy/upstream/prepared-socket.ts';
import { ownProxyHeader } from '#proxy/upstream/proxy-protocol-header.ts';
import type { ConnectionRequest, UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';

/** Linux's own settings, in seconds, which hold where the configuration says nothing; Node's would be others. */
const KERNEL_KEEPALIVE = { time: 7200, interval: 75, probes: 9 };

/** Begins to connect; the connection hears when it is done, or failed, and of everything after that. */
export function openSocket(connection: UpstreamConnection, request: ConnectionRequest): Socket {
  const { serverName, alpn, state } = request;
  const { cluster, host } = connection;
  const tls = cluster.transports.tlsFor(host);
  const tap = cluster.transports.tapFor(host)?.begin(tappedConnection(connection));
  const below = socketBelow(connection, tls !== undefined, state);
  if (typeof below === 'string') return prepared(failedConnection(connection, below), connection, tap);
  if (below instanceof Error) return prepared(failedConnection(connection, below.message, below), connection, tap);
  if (tls === undefined) {
    const socket = below ?? connect({ ...targetOf(connection), onread } as never);
    tellOfClient(socket, connection, request);
    if (!socket.connecting) return readyInternal(socket, connection, tap);
    socket.once('connect', () => {
      noteAddresses(connection, socket);
      if (tap !== undefined) tapWrites(socket, tap);
      asEvent(() => connection.onReady());
    });
    return prepared(socket, connection, tap);
  }
  const tellsOfClient = cluster.transports.proxyProtocolFor(host) !== undefined;
  const carrier = below ?? (tellsOfClient ? connect(targetOf(connection) as never) : undefined);
  if (carrier !== undefined) tellOfClient(carrier, connection, request);
  const where = carrier === undefined ? targetOf(connection) : { socket: carrier };
  const verifiesServerName = cluster.config.http.autoSanValidation;
  const socket = tls.open(where, { serverName, hostname: host.hostname, verifiesServerName, alpn }, onread, {
    onSecure: (info) => {
      noteAddresses(connection, socket);
      connection.info.tls = info;
      connection.alpn = info.alpn;
      if (tap !== undefined) tapWrites(socket, tap);
      asEvent(() => connection.onSecure());
    },
    onFailure: (reason) => connection.onTransportFailure(reason),
  });
  // Node reads through `onread` only from sockets that it made itself.
  carrier?.on('error', (error) => socket.destroy(error));
  return prepared(socket, connection, tap, carrier !== undefined);
}

/** Sends the PROXY header, where the host gets one, before anybody else sends anything. */
function tellOfClient(socket: Socket, { cluster, host }: UpstreamConnection, { proxyHeader }: ConnectionRequest): void {
  const config = cluster.transports.proxyProtocolFor(host);
  if (config === undefined) return;
  const tell = () => void socket.write(proxyHeader ?? ownProxyHeader(config, socket));
  if (socket.connecting) socket.once('connect', tell);
  else tell();
}

function targetOf({ host, cluster }: UpstreamConnection): ConnectTarget {
  return connectTarget(host.address, host.additionalAddresses, cluster.config);
}

/** A socket that is not made by Node alone: to an internal listener, which is connected, or one with options. Undefined: any will do. Else why there is none. */
function socketBelow(
  connection: UpstreamConnection,
  secure: boolean,
  state: HandedState | undefined,
): OwnedSocket | Error | string | undefined {
  const { address } = connection.host;
  if (address.kind === 'internal') {
    const failed = `immediate connect error: Invalid argument|remote address:${connection.host.addressText}`;
    return connectInternal(connection, address, secure, state) ?? failed;
  }
  const { bind } = connection.cluster.config;
  if (bind === undefined || address.kind !== 'ip') return undefined;
  const options = socketOptionsFor(address.address, bind);
  if (options.length === 0) return undefined;
  try {
    return connectPrepared(
      address,
      options,
      connectTarget(address, [], connection.cluster.config),
      secure ? undefined : onread,
    );
  } catch (error) {
    logger('connection').warning(`setting an option of a socket failed: ${(error as Error).message}`);
    return error as Error;
  }
}

/** It is connected already; whoever asked hears of that once it has the socket. */
function readyInternal(socket: OwnedSocket, connection: UpstreamConnection, tap: SocketTap | undefined): Socket {
  if (tap !== undefined) tapWrites(socket, tap);
  own(socket, ownerOf(connection, tap), false);
  process.nextTick(() => {
    connection.info.localAddress = INTERNAL_CLIENT;
    if (!socket.destroyed) asEvent(() => connection.onReady());
  });
  return socket;
}

function prepared(socket: Socket, connection: UpstreamConnection, tap: SocketTap | undefined, reads = false): Socket {
  const { tcpKeepalive } = connection.cluster.config;
  if (tcpKeepalive !== undefined) keepAlive(socket, tcpKeepalive);
  if (connection.host.additionalAddresses.length > 0) followAttempts(socket, connection);
  own(socket, ownerOf(connection, tap), reads);
  return socket;
}

function ownerOf(connection: UpstreamConnection, tap: SocketTap | undefined): SocketOwner {
  return tap === undefined ? connection : tappedOwner(connection, tap);
}

/** Its addresses are known once it is connected. */
function tappedConnection({ info }: UpstreamConnection): TappedConnection {
  return {
    id: info.connectionId,
    get localAddress() {
      return info.localAddress;
    },
    get remoteAddress() {
      return info.remoteAddress;
    },
  };
}

function keepAlive(socket: Socket, configured: NonNullable<ClusterConfig['tcpKeepalive']>): void {
  const { time, interval, probes } = { ...KERNEL_KEEPALIVE, ...configured };
  socket.setKeepAlive(true, time * 1000, interval * 1000, probes);
}

/** Which of the host's addresses it was. */
function noteAddresses({ info, host }: UpstreamConnection, socket: Socket): void {
  if (host.address.kind === 'internal') {
    info.localAddress = INTERNAL_CLIENT;
    return;
  }
  info.localAddress = hostPort(socket.localAddress ?? '', socket.localPort ?? 0);
  if (host.additionalAddresses.length === 0) return;
  info.remoteAddress = hostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0);
}
