/**
 * Opens sockets to upstream hosts, with TLS where the cluster asks for it.
 */

import { connect, type Socket } from 'node:net';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { hostPort, INTERNAL_CLIENT } from '#proxy/listeners/downstream-connection.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, onread, own } from '#proxy/transport/owned-socket.ts';
import { connectInternal, failedConnection } from '#proxy/upstream/connect-internal.ts';
import { connectTarget } from '#proxy/upstream/connect-target.ts';
import type { ConnectionRequest, UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';

/** Linux's own settings, in seconds, which hold where the configuration says nothing; Node's would be others. */
const KERNEL_KEEPALIVE = { time: 7200, interval: 75, probes: 9 };

/** Begins to connect; the connection hears when it is done, or failed, and of everything after that. */
export function openSocket(connection: UpstreamConnection, { serverName, alpn }: ConnectionRequest): Socket {
  const { cluster, host } = connection;
  const tls = cluster.transports.tlsFor(host);
  const { address } = host;
  const internal = address.kind === 'internal' ? connectInternal(connection, address, tls !== undefined) : undefined;
  if (internal === undefined && address.kind === 'internal') return prepared(failedConnection(connection), connection);
  if (internal !== undefined && tls === undefined) return readyInternal(internal, connection);
  const where =
    internal === undefined
      ? connectTarget(address, host.additionalAddresses, cluster.config.bind)
      : { socket: internal };
  if (tls === undefined) {
    const socket = connect({ ...where, onread } as never);
    socket.once('connect', () => {
      noteAddresses(connection, socket);
      asEvent(() => connection.onReady());
    });
    return prepared(socket, connection);
  }
  const verifiesServerName = cluster.config.http.autoSanValidation;
  const socket = tls.open(where, { serverName, hostname: host.hostname, verifiesServerName, alpn }, onread, {
    onSecure: (info) => {
      noteAddresses(connection, socket);
      connection.info.tls = info;
      connection.alpn = info.alpn;
      asEvent(() => connection.onSecure());
    },
    onFailure: (reason) => connection.onTransportFailure(reason),
  });
  // Node reads through `onread` only from sockets that it made itself.
  return prepared(socket, connection, internal !== undefined);
}

/** It is connected already; whoever asked hears of that once it has the socket. */
function readyInternal(socket: OwnedSocket, connection: UpstreamConnection): Socket {
  own(socket, connection, false);
  process.nextTick(() => {
    connection.info.localAddress = INTERNAL_CLIENT;
    if (!socket.destroyed) asEvent(() => connection.onReady());
  });
  return socket;
}

function prepared(socket: Socket, connection: UpstreamConnection, reads = false): Socket {
  const { tcpKeepalive } = connection.cluster.config;
  if (tcpKeepalive !== undefined) keepAlive(socket, tcpKeepalive);
  countAttempts(socket, connection);
  own(socket, connection, reads);
  return socket;
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

/** Each attempt at another address of the host is a connection more, as Envoy counts. */
function countAttempts(socket: Socket, { cluster, host }: UpstreamConnection): void {
  if (host.additionalAddresses.length === 0) return;
  let attempts = 0;
  socket.on('connectionAttempt', () => {
    if (attempts++ > 0) cluster.stats.upstreamCxTotal.inc();
  });
}
