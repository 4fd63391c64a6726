/**
 * One accepted connection as filters, selection and access logs see it, whatever protocol it carries.
 */

import type { Metadata } from '#config/model/route.ts';
import type { ConnectionInfo, TlsInfo } from '#proxy/observe/stream-info.ts';
import { nextConnectionId } from '#proxy/transport/connection-id.ts';
import type { ConnectionView } from '#selection/request-view.ts';

/** TLS as both access logs and route matching ask for it. */
export type DownstreamTlsInfo = TlsInfo & { presented: boolean; validated: boolean };

export class DownstreamConnection implements ConnectionInfo, ConnectionView {
  readonly id = nextConnectionId();
  listenerName = '';
  filterChainName = '';
  listenerMetadata: Metadata | undefined = undefined;
  filterChainMetadata: Metadata | undefined = undefined;
  localAddress = '';
  directRemoteAddress = '';
  destinationAddress = '';
  destinationPort = 0;
  sourceAddress = '';
  sourcePort = 0;
  directSourceAddress = '';
  /** The SNI that the client asked for; from the client hello. */
  serverName = '';
  transportProtocol = 'raw_buffer';
  applicationProtocols: readonly string[] = [];
  /** The filter chain speaks TLS. */
  secured = false;
  tls: DownstreamTlsInfo | undefined = undefined;
  startMark = 0;
  tlsCompleteMark = -1;
  transportFailureReason = '';
  terminationDetails = '';
  ja3 = '';
  ja4 = '';
  /** per_connection_buffer_limit_bytes. */
  bufferLimit = 1024 * 1024;

  get requestedServerName(): string {
    return this.serverName;
  }

  /** Sets both ends of the connection; an empty remote address is a unix socket's. */
  setAddresses(localAddress: string, localPort: number, remoteAddress: string, remotePort: number): void {
    this.destinationAddress = localAddress;
    this.destinationPort = localPort;
    this.sourceAddress = remoteAddress;
    this.directSourceAddress = remoteAddress;
    this.sourcePort = remotePort;
    this.localAddress = hostPort(localAddress, localPort);
    this.directRemoteAddress = hostPort(remoteAddress, remotePort);
  }

  /** Both ends are a unix socket, which has a path and no ports. */
  setPath(path: string): void {
    this.localAddress = path;
    this.directRemoteAddress = path;
    this.destinationAddress = path;
  }
}

/** `127.0.0.1:80`, `[::1]:80`. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
