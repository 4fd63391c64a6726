/**
 * The HTTP connections of one worker to one host: of HTTP/1, of HTTP/2, or of what ALPN says for each. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling
 */
import { logger } from '#base/logger.ts';
import { http2SessionOptions } from '#proxy/transport/http2-session-options.ts';
import { ConnectionPool, type PoolOrigin } from '#proxy/upstream/connection-pool.ts';
import { Http1Client } from '#proxy/upstream/http1-client.ts';
import { Http2Client } from '#proxy/upstream/http2-client.ts';
import type { PooledClient } from '#proxy/upstream/pooled-client.ts';
import type { HttpWaiter } from '#proxy/upstream/request-encoder.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import type { SessionOptions } from '#wire/http2/session-options.ts';

export type PoolProtocol = 'http1' | 'http2' | 'auto';

const ALPN: Record<PoolProtocol, readonly string[]> = {
  http1: ['http/1.1'],
  http2: ['h2'],
  auto: ['h2', 'http/1.1'],
};

export class HttpPool extends ConnectionPool<HttpWaiter> {
  readonly headBytesLimit: number;
  readonly maxHeadersCount: number;
  readonly log = logger('pool');
  protected readonly alpn: readonly string[];
  protected readonly expectedRoom: number;
  private readonly protocol: PoolProtocol;
  private http2: SessionOptions | undefined = undefined;

  constructor(origin: PoolOrigin, protocol: PoolProtocol) {
    super(origin);
    const { common, http2 } = origin.cluster.config.http;
    this.headBytesLimit = (common.maxResponseHeadersKb ?? 80) * 1024;
    this.maxHeadersCount = common.maxHeadersCount;
    this.protocol = protocol;
    this.alpn = ALPN[protocol];
    const { maxRequestsPerConnection: most } = common;
    // Envoy takes it for HTTP/2 until ALPN says otherwise.
    const streams = protocol === 'http1' ? 1 : http2.maxConcurrentStreams;
    this.expectedRoom = most > 0 ? Math.min(streams, most) : streams;
  }

  /** What sessions of HTTP/2 are told. */
  sessionOptions(): SessionOptions {
    const { http, perConnectionBufferLimitBytes } = this.cluster.config;
    this.http2 ??= http2SessionOptions(http.http2, {
      role: 'client',
      maxHeaderListBytes: this.headBytesLimit,
      maxHeadersCount: this.maxHeadersCount,
      streamErrorOnInvalidMessage: false,
      bufferLimit: perConnectionBufferLimitBytes,
    });
    return this.http2;
  }

  protected onConnecting(): void {
    if (this.protocol !== 'auto') this.countProtocol(this.protocol);
  }

  protected clientOf(connection: UpstreamConnection): PooledClient<HttpWaiter> {
    const protocol = this.protocol === 'auto' ? (connection.alpn === 'h2' ? 'http2' : 'http1') : this.protocol;
    if (this.protocol === 'auto') this.countProtocol(protocol);
    return protocol === 'http2' ? new Http2Client(this, connection) : new Http1Client(this, connection);
  }

  private countProtocol(protocol: 'http1' | 'http2'): void {
    const { cluster } = this;
    if (protocol === 'http2') {
      cluster.stats.upstreamCxHttp2Total.inc();
      cluster.http2Stats();
    } else {
      cluster.stats.upstreamCxHttp1Total.inc();
      cluster.http1Stats();
    }
  }
}
