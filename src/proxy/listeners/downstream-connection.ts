/**
 * One accepted connection as filters, selection and access logs see it, whatever protocol it carries.
 */

import type { SharedWithUpstream } from '#config/model/filter-state.ts';
import type { Json, Metadata } from '#config/model/route.ts';
import { ConnectionStream } from '#proxy/network/connection-stream.ts';
import type { FilterRun } from '#proxy/network/filter-run.ts';
import { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import type { Gauge } from '#proxy/observe/stats/metrics.ts';
import type { ConnectionInfo, TlsInfo } from '#proxy/observe/stream-info.ts';
import { nextConnectionId } from '#proxy/transport/connection-id.ts';
import type { ConnectionView } from '#selection/request-view.ts';

/** Filter state on its way to an internal listener, and which of it goes on from there. */
export interface HandedState {
  values: Map<string, unknown>;
  shared: Map<string, SharedWithUpstream>;
}

/** TLS as both access logs and route matching ask for it. */
export type DownstreamTlsInfo = TlsInfo & { presented: boolean; validated: boolean };

export class DownstreamConnection implements ConnectionInfo, ConnectionView {
  readonly id = nextConnectionId();
  listenerName = '';
  filterChainName = '';
  listenerMetadata: Metadata | undefined = undefined;
  filterChainMetadata: Metadata | undefined = undefined;
  /** Where the client wanted to go: what a listener filter found out, else the socket's own address. */
  localAddress = '';
  /** The socket's own address. */
  directLocalAddress = '';
  /** The client: what a listener filter found out, else the socket's own peer. */
  remoteAddress = '';
  directRemoteAddress = '';
  destinationAddress = '';
  destinationPort = 0;
  sourceAddress = '';
  sourcePort = 0;
  directSourceAddress = '';
  /** A listener filter found out where the connection was going; it may belong to another listener (use_original_dst). */
  destinationRestored = false;
  /** It comes from this process itself, to an internal listener. */
  internal = false;
  /** Another listener handed it over; it is not handed on. */
  handedOff = false;
  /** The SNI that the client asked for; from the client hello. */
  serverName = '';
  transportProtocol = 'raw_buffer';
  applicationProtocols: readonly string[] = [];
  /** The filter chain speaks TLS. */
  secured = false;
  tls: DownstreamTlsInfo | undefined = undefined;
  /** `HTTP/1.1`; empty where none is known. */
  protocol = '';
  startMark = 0;
  tlsCompleteMark = -1;
  transportFailureReason = '';
  terminationDetails = '';
  /** Why we closed it, in Envoy's words; empty where the client did. */
  localCloseReason = '';
  ja3 = '';
  ja4 = '';
  /** Bytes that a listener filter kept for itself: the PROXY protocol. */
  bytesTaken = 0;
  /** The system's end of its socket. */
  handle: { readonly fd: number } | undefined = undefined;
  /** per_connection_buffer_limit_bytes. */
  bufferLimit = 1024 * 1024;
  /** Where it stands among the filters before the terminal one; undefined where there are none. */
  filters: FilterRun | undefined = undefined;
  /** What filters say to one another and to access logs; streams of the connection see it too. */
  filterState: Map<string, unknown> | undefined = undefined;
  dynamicMetadata: Metadata | undefined = undefined;
  /** Keys of the filter state that go along to internal listeners. */
  sharedState: Map<string, SharedWithUpstream> | undefined = undefined;
  /** A filter closed it, or time did. */
  closedByUs = false;
  /** Gives it up while TLS is being agreed on. */
  abandon: (() => void) | undefined = undefined;
  private ownStream: ConnectionStream | undefined = undefined;
  private ownBuffered: BufferedBytes | undefined = undefined;

  /** The connection as access logs see it; made when it is first asked for. */
  get stream(): ConnectionStream {
    this.ownStream ??= new ConnectionStream(this);
    return this.ownStream;
  }

  /** Its share of its terminal filter's gauges of bytes that are held, for the filter to keep and to close. */
  countBuffered(rx: Gauge, tx: Gauge): BufferedBytes {
    this.ownBuffered ??= new BufferedBytes(rx, tx);
    return this.ownBuffered;
  }

  /** The filter state of that key is for connections to internal listeners that are made for this one. */
  shareState(key: string, how: SharedWithUpstream): void {
    this.sharedState ??= new Map();
    this.sharedState.set(key, how);
  }

  /** What a connection to an internal listener gets of this one's filter state. */
  handedState(): HandedState | undefined {
    if (this.sharedState === undefined) return undefined;
    const values = new Map<string, unknown>();
    const shared = new Map<string, SharedWithUpstream>();
    for (const [key, how] of this.sharedState) {
      values.set(key, this.filterState?.get(key));
      if (how === 'TRANSITIVE') shared.set(key, how);
    }
    return { values, shared };
  }

  setFilterState(key: string, value: unknown): void {
    this.filterState ??= new Map();
    this.filterState.set(key, value);
  }

  /** Merges a filter's metadata into what is there. */
  setMetadata(filter: string, values: { [key: string]: Json }): void {
    this.dynamicMetadata ??= {};
    this.dynamicMetadata[filter] = { ...(this.dynamicMetadata[filter] as object | undefined), ...values } as never;
  }

  /** The descriptor of its socket; -1 once that is closed. */
  get descriptor(): number | undefined {
    return this.handle?.fd;
  }

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
    this.directLocalAddress = hostPort(localAddress, localPort);
    this.localAddress = this.directLocalAddress;
    this.directRemoteAddress = hostPort(remoteAddress, remotePort);
    this.remoteAddress = this.directRemoteAddress;
  }

  /** A listener filter found out where the client wanted to go. */
  restoreDestination(address: string, port: number): void {
    this.destinationAddress = address;
    this.destinationPort = port;
    this.localAddress = hostPort(address, port);
    this.destinationRestored = true;
  }

  /** A listener filter found out who the client is. */
  setSource(address: string, port: number): void {
    this.sourceAddress = address;
    this.sourcePort = port;
    this.remoteAddress = hostPort(address, port);
  }

  /** It comes from this process to a listener of its own. */
  setInternal(listener: string, endpointId: string): void {
    this.localAddress = `envoy://${listener}/${endpointId}`;
    this.directLocalAddress = this.localAddress;
    this.remoteAddress = INTERNAL_CLIENT;
    this.directRemoteAddress = INTERNAL_CLIENT;
    this.destinationAddress = this.localAddress;
    this.internal = true;
  }

  /** Both ends are a unix socket, which has a path and no ports. */
  setPath(path: string): void {
    this.localAddress = path;
    this.directLocalAddress = path;
    this.remoteAddress = path;
    this.directRemoteAddress = path;
    this.destinationAddress = path;
  }
}

/** The other end of every connection to an internal listener, in Envoy's words. */
export const INTERNAL_CLIENT = 'envoy://internal_client_address/';

/** `127.0.0.1:80`, `[::1]:80`. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
