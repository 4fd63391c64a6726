/**
 * Opens connections to upstream hosts, with TLS where the cluster asks for it.
 */
import { connect, type Socket } from 'node:net';
import type { Address } from '#config/model/address.ts';
import { hostPort } from '#proxy/listeners/downstream-connection.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { onread, own, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import { connectErrorText } from '#proxy/upstream/connect-error.ts';
import type { Http1Client } from '#proxy/upstream/http1-client.ts';
import type { Http1Pool } from '#proxy/upstream/http1-pool.ts';

let lastConnection = 0;

/** Begins to connect to the pool's host; the client hears when it is done, or failed. */
export function connectUpstream(
  pool: Http1Pool,
  serverName: string,
  make: (socket: Socket, info: UpstreamInfo) => Http1Client,
): Http1Client {
  const { cluster, host } = pool;
  const info: UpstreamInfo = {
    host: host.addressText,
    hostname: host.hostname,
    hostMetadata: host.metadata,
    locality: host.locality,
    localAddress: '',
    remoteAddress: host.addressText,
    transportFailureReason: '',
    connectionId: lastConnection++,
  };
  const tls = cluster.transports.tlsFor(host);
  const socket = connect(target(host.address, cluster.config.bind, tls === undefined) as never);
  const { tcpKeepalive } = cluster.config;
  if (tcpKeepalive !== undefined) socket.setKeepAlive(true, (tcpKeepalive.time ?? 0) * 1000);
  if (tls === undefined) {
    const client = make(socket, info);
    own(socket, ownerOf(client, info), false);
    socket.once('connect', () => {
      info.localAddress = hostPort(socket.localAddress ?? '', socket.localPort ?? 0);
      asEvent(() => client.onConnected());
    });
    return client;
  }
  const secure = tls.wrap(socket, { serverName, host });
  const client = make(secure.socket, info);
  own(secure.socket, ownerOf(client, info), true);
  secure.onSecure((tlsInfo) => {
    info.localAddress = hostPort(socket.localAddress ?? '', socket.localPort ?? 0);
    info.tls = tlsInfo;
    asEvent(() => client.onConnected());
  });
  secure.onFailure((reason) => {
    info.transportFailureReason = reason;
    client.failure = reason;
  });
  return client;
}

function target(address: Address, bind: Http1Pool['cluster']['config']['bind'], plain: boolean): object {
  const reads = plain ? { onread } : {};
  if (address.kind === 'pipe') return { path: address.path, ...reads };
  if (address.kind === 'internal') throw new Error(`internal address ${address.name} cannot be connected to`);
  const source =
    bind?.sourceAddress === undefined
      ? {}
      : { localAddress: bind.sourceAddress, ...(bind.sourcePort > 0 ? { localPort: bind.sourcePort } : {}) };
  return { host: address.address, port: address.port, noDelay: true, autoSelectFamily: false, ...source, ...reads };
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
