/**
 * Opens connections to upstream hosts, with TLS where the cluster asks for it.
 */

import { connect, type Socket } from 'node:net';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { hostPort } from '#proxy/listeners/downstream-connection.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { nextConnectionId } from '#proxy/transport/connection-id.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { onread, own, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import { connectErrorText } from '#proxy/upstream/connect-error.ts';
import { connectTarget } from '#proxy/upstream/connect-target.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { Http1Client } from '#proxy/upstream/http1-client.ts';
import type { Http1Pool } from '#proxy/upstream/http1-pool.ts';

/** Linux's own settings, in seconds, which hold where the configuration says nothing; Node's would be others. */
const KERNEL_KEEPALIVE = { time: 7200, interval: 75, probes: 9 };

/** Begins to connect to the pool's host; the client hears when it is done, or failed. */
export function connectUpstream(
  pool: Http1Pool,
  serverName: string,
  make: (socket: Socket, info: UpstreamInfo) => Http1Client,
): Http1Client {
  const { cluster, host } = pool;
  cluster.openCodecStats();
  const info: UpstreamInfo = {
    host: host.addressText,
    hostname: host.hostname,
    hostMetadata: host.metadata,
    locality: host.locality,
    localAddress: '',
    remoteAddress: host.addressText,
    transportFailureReason: '',
    connectionId: nextConnectionId(),
  };
  const tls = cluster.transports.tlsFor(host);
  const where = connectTarget(host.address, host.additionalAddresses, cluster.config.bind);
  if (tls === undefined) {
    const socket = countAttempts(keptAlive(connect({ ...where, onread } as never), cluster.config), pool);
    const client = make(socket, info);
    own(socket, ownerOf(client, info), false);
    socket.once('connect', () => {
      noteAddresses(info, socket, host);
      asEvent(() => client.onConnected());
    });
    return client;
  }
  const request = { serverName, hostname: host.hostname, verifiesServerName: cluster.config.http.autoSanValidation };
  const socket = tls.open(where, request, onread, {
    onSecure: (tlsInfo) => {
      noteAddresses(info, socket, host);
      info.tls = tlsInfo;
      client.tlsEnd = clock.now();
      asEvent(() => client.onConnected());
    },
    onFailure: (reason) => {
      info.transportFailureReason = reason;
      client.failure = reason;
    },
  });
  const client = make(countAttempts(keptAlive(socket, cluster.config), pool), info);
  own(socket, ownerOf(client, info), false);
  return client;
}

/** Which of the host's addresses it was. */
function noteAddresses(info: UpstreamInfo, socket: Socket, host: Host): void {
  info.localAddress = hostPort(socket.localAddress ?? '', socket.localPort ?? 0);
  if (host.additionalAddresses.length === 0) return;
  info.remoteAddress = hostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0);
}

function keptAlive<Kind extends Socket>(socket: Kind, { tcpKeepalive }: ClusterConfig): Kind {
  if (tcpKeepalive === undefined) return socket;
  const { time, interval, probes } = { ...KERNEL_KEEPALIVE, ...tcpKeepalive };
  socket.setKeepAlive(true, time * 1000, interval * 1000, probes);
  return socket;
}

/** Each attempt at another address of the host is a connection more, as Envoy counts. */
function countAttempts<Kind extends Socket>(socket: Kind, { cluster, host }: Http1Pool): Kind {
  if (host.additionalAddresses.length === 0) return socket;
  let attempts = 0;
  socket.on('connectionAttempt', () => {
    if (attempts++ > 0) cluster.stats.upstreamCxTotal.inc();
  });
  return socket;
}

function ownerOf(client: Http1Client, info: UpstreamInfo): SocketOwner {
  return {
    onRead: (count, bytes) => client.onRead(count, bytes),
    onEnd: () => client.onEnd(),
    onDrain: () => asEvent(() => client.onDrain()),
    onClose: () => asEvent(() => client.onClose()),
    onError: (error) => {
      if (client.failure === '') client.failure = client.connecting ? connectErrorText(error) : '';
      client.failedLocally = error.syscall === 'bind' || error.code === 'EADDRNOTAVAIL' || error.code === 'EMFILE';
      info.transportFailureReason = client.failure;
    },
  };
}
