/**
 * The HTTP connections of one worker to one host. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling
 */
import { logger } from '#base/logger.ts';
import { ConnectionPool, type PoolOrigin } from '#proxy/upstream/connection-pool.ts';
import { Http1Client } from '#proxy/upstream/http1-client.ts';
import type { PooledClient } from '#proxy/upstream/pooled-client.ts';
import type { HttpWaiter } from '#proxy/upstream/request-encoder.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';

export class HttpPool extends ConnectionPool<HttpWaiter> {
  readonly headBytesLimit: number;
  readonly maxHeadersCount: number;
  readonly log = logger('pool');
  protected readonly alpn = ['http/1.1'];
  protected readonly expectedRoom = 1;

  constructor(origin: PoolOrigin) {
    super(origin);
    const { common } = origin.cluster.config.http;
    this.headBytesLimit = (common.maxResponseHeadersKb ?? 80) * 1024;
    this.maxHeadersCount = common.maxHeadersCount;
  }

  protected onConnecting(): void {
    this.cluster.stats.upstreamCxHttp1Total.inc();
    this.cluster.openCodecStats();
  }

  protected clientOf(connection: UpstreamConnection): PooledClient<HttpWaiter> {
    return new Http1Client(this, connection);
  }
}
