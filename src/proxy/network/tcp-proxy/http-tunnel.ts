/**
 * A connection carried in a request of HTTP: CONNECT, whose bytes pass as they are, or POST, whose body they are. There is a tunnel once the
 * proxy behind it answers with 2xx.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades#tunneling-tcp-over-http and RFC 9110, section 9.3.6
 */
import type { TunnelingConfig } from '#config/model/tcp-proxy.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { type HttpStream, takeStream } from '#proxy/http/http-stream.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { compileFormat, type Formatter } from '#proxy/observe/format/compile-format.ts';
import { type CompiledHeaderMutations, compileHeaderMutations } from '#proxy/observe/format/header-mutations.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HttpPool } from '#proxy/upstream/http-pool.ts';
import type { HttpWaiter, RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import type { TcpClientUser, TcpUpstream } from '#proxy/upstream/tcp-client.ts';
import { Headers } from '#wire/headers.ts';

/** Filter state with what the proxy behind answered. */
const RESPONSE_HEADERS_STATE = 'envoy.tcp_proxy.propagate_response_headers';
const RESPONSE_TRAILERS_STATE = 'envoy.tcp_proxy.propagate_response_trailers';
const EMPTY = Buffer.alloc(0);
/** Requests without a client have no connection manager; their headers are spelled in lower case. */
const NO_MANAGER = { config: { http1: { headerFormat: 'lower' } } } as unknown as ConnectionManager;

/** How one TCP proxy tunnels, compiled. */
export class TunnelMaker {
  private readonly config: TunnelingConfig;
  private readonly hostname: Formatter;
  private readonly headers: CompiledHeaderMutations;

  constructor(config: TunnelingConfig) {
    this.config = config;
    this.hostname = compileFormat(config.hostname, '');
    this.headers = compileHeaderMutations({
      requestAdd: config.headersToAdd,
      requestRemove: [],
      responseAdd: [],
      responseRemove: [],
    });
  }

  /** @returns a tunnel through a host, to be begun; undefined where its cluster has no room for another pool */
  open(cluster: Cluster, host: Host, connection: DownstreamConnection, user: TcpClientUser): HttpTunnel | undefined {
    const { config } = this;
    const stream = takeStream();
    stream.manager = NO_MANAGER;
    stream.protocol = 'HTTP/1.1';
    stream.method = config.usePost ? 'POST' : 'CONNECT';
    stream.host = this.hostname.format(connection.stream);
    stream.path = config.usePost ? config.postPath : stream.host;
    stream.scheme = cluster.config.transport.kind === 'tls' ? 'https' : 'http';
    this.giveId(stream, cluster, connection);
    this.headers.applyRequest(stream.requestHeaders, connection.stream);
    const protocol = cluster.protocolFor(stream.protocol);
    const proxyHeader = cluster.proxyHeaderFor(host, connection);
    const pool = cluster.poolFor(host, 'DEFAULT', protocol, cluster.serverNameFor(stream), proxyHeader);
    return pool && new HttpTunnel({ stream, pool, connection, config, user });
  }

  private giveId({ requestHeaders }: HttpStream, { worker }: Cluster, connection: DownstreamConnection): void {
    const { requestId } = this.config;
    if (requestId === undefined) return;
    const id = worker.random.uuid();
    requestHeaders.add(requestId.header, id);
    connection.setMetadata('envoy.filters.network.tcp_proxy', { [requestId.metadataKey]: id });
  }
}

interface TunnelOrigin {
  stream: HttpStream;
  pool: HttpPool;
  connection: DownstreamConnection;
  config: TunnelingConfig;
  user: TcpClientUser;
}

export class HttpTunnel implements HttpWaiter, TcpUpstream {
  readonly responseHeaders = new Headers();
  reason = '';
  info: UpstreamInfo;
  bytesReceived = 0;
  bytesSent = 0;
  private readonly stream: HttpStream;
  private readonly pool: HttpPool;
  private readonly connection: DownstreamConnection;
  private readonly config: TunnelingConfig;
  private user: TcpClientUser | undefined;
  private encoder: RequestEncoder | undefined = undefined;
  private ready = false;
  private blocked = false;
  private over = false;

  constructor({ stream, pool, connection, config, user }: TunnelOrigin) {
    this.stream = stream;
    this.pool = pool;
    this.connection = connection;
    this.config = config;
    this.user = user;
    const { host } = pool;
    this.info = {
      host: host.addressText,
      hostname: host.hostname,
      hostMetadata: host.metadata,
      locality: host.locality,
      localAddress: '',
      remoteAddress: host.addressText,
      transportFailureReason: '',
      connectionId: 0,
    };
  }

  /** Asks for the tunnel. */
  begin(): void {
    this.pool.request(this);
  }

  get connectStart(): number {
    return this.encoder?.connection.connectStart ?? -1;
  }

  get connectEnd(): number {
    return this.encoder?.connection.connectEnd ?? -1;
  }

  get tlsEnd(): number {
    return this.encoder?.connection.tlsEnd ?? -1;
  }

  send(bytes: Buffer, count: number): boolean {
    const before = this.blocked;
    this.encoder?.sendData(this.stream, bytes.subarray(0, count), false);
    return this.blocked && !before;
  }

  end(): void {
    this.encoder?.sendData(this.stream, EMPTY, true);
  }

  pause(pause: boolean): void {
    this.encoder?.pause(pause);
  }

  close(): void {
    this.user = undefined;
    if (this.over) return;
    this.over = true;
    if (this.encoder === undefined) this.pool.cancel(this);
    else this.encoder.reset();
  }

  /** What was sent is with its connection, which sends it before it closes. */
  closeAfterFlush(): boolean {
    this.close();
    return false;
  }

  onPoolReady(encoder: RequestEncoder): void {
    this.encoder = encoder;
    this.info = encoder.connection.info;
    encoder.sendHeaders(this.stream, false);
  }

  onPoolFailure(reason: ResetReason, details: string, tried?: UpstreamInfo): void {
    this.over = true;
    this.user?.onUpstreamFailure(reason, details, tried);
  }

  onHeaders(status: number, _bytes: number, end: boolean): void {
    const { user } = this;
    if (status < 200 || status > 299) {
      this.close();
      user?.onUpstreamFailure('remote_connection_failure', '', this.info);
      return;
    }
    if (this.config.propagateResponseHeaders) {
      this.connection.setFilterState(RESPONSE_HEADERS_STATE, {
        headers: [{ key: ':status', value: String(status) }, ...keyed(this.responseHeaders)],
      });
    }
    this.ready = true;
    user?.onUpstreamReady();
    if (end) this.ended();
  }

  onData(chunk: Buffer, end: boolean): void {
    if (chunk.length > 0) this.user?.onUpstreamData(chunk.length, chunk);
    if (end) this.ended();
  }

  onTrailers(trailers: Headers): void {
    if (this.config.propagateResponseTrailers) {
      this.connection.setFilterState(RESPONSE_TRAILERS_STATE, { headers: keyed(trailers) });
    }
    this.ended();
  }

  private ended(): void {
    this.over = true;
    // A connection of HTTP/1 that was answered in full carries nothing more.
    if (this.encoder?.protocol === 'HTTP/1.1') this.user?.onUpstreamClosed(false);
    else this.user?.onUpstreamEnd();
  }

  onReset(reason: ResetReason, details: string): void {
    this.over = true;
    if (this.ready) this.user?.onUpstreamClosed(reason === 'remote_reset');
    else this.user?.onUpstreamFailure('remote_connection_failure', details, this.info);
  }

  onRequestBlocked(blocked: boolean): void {
    this.blocked = blocked;
    if (!blocked) this.user?.onUpstreamDrained();
  }

  onWireBytes(received: number, sent: number): void {
    this.bytesReceived = received;
    this.bytesSent = sent;
  }

  onInterim(): void {}
}

function keyed(headers: Headers): { key: string; value: string }[] {
  const list: { key: string; value: string }[] = [];
  headers.each((key, value) => list.push({ key, value }));
  return list;
}
