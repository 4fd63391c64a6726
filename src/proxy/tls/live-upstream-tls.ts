/**
 * TLS with the hosts of a cluster, as it is now: new connections use the latest secrets.
 * Follows extensions.transport_sockets.tls.v3.UpstreamTlsContext.
 */
import { type OnReadOpts, Socket } from 'node:net';
import type { UpstreamTls } from '#config/model/tls.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { LiveContext, type LiveContextParts, SECRETS_NOT_READY } from '#proxy/tls/live-context.ts';
import { type ConnectTarget, UpstreamTlsContext, type UpstreamTlsRequest } from '#proxy/tls/upstream-context.ts';
import type { UpstreamHandshakeCallbacks } from '#proxy/tls/upstream-handshake.ts';

export class LiveUpstreamTls {
  private readonly context: LiveContext<UpstreamTls, UpstreamTlsContext>;
  private readonly stats: LiveContextParts['stats'];

  /** @param scope the cluster's stats. @throws where OpenSSL does not take what the readers let through. */
  constructor(tls: UpstreamTls, scope: Scope, parts: LiveContextParts) {
    this.context = new LiveContext(tls, parts, (filled) => new UpstreamTlsContext(filled, scope));
    this.stats = parts.stats;
  }

  /** As {@link UpstreamTlsContext.open}. Where a secret is not there the socket fails at once. */
  open(
    target: ConnectTarget,
    request: UpstreamTlsRequest,
    onread: OnReadOpts,
    callbacks: UpstreamHandshakeCallbacks,
  ): Socket {
    const { current } = this.context;
    if (current !== undefined) return current.open(target, request, onread, callbacks);
    this.stats.upstreamContextSecretsNotReady.inc();
    const socket = new Socket();
    process.nextTick(() => {
      callbacks.onFailure(SECRETS_NOT_READY);
      socket.destroy();
    });
    return socket;
  }

  close(): void {
    this.context.close();
  }
}
