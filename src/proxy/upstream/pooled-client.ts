/**
 * A connection as its pool sees it: how many requests it carries, how many more it takes. What is spoken on it is for those who extend this.
 * Follows Envoy's ConnectionPool::ActiveClient.
 */
import { Timer } from '#base/timers.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import type { ConnectionPool, PoolWaiter } from '#proxy/upstream/connection-pool.ts';
import type { ConnectionUser, UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';

export abstract class PooledClient<Waiter extends PoolWaiter> implements ConnectionUser {
  readonly connection: UpstreamConnection;
  readonly idleTimer: Timer;
  /** Requests that it has carried. */
  requests = 0;
  /** Requests that it may still begin. */
  requestsLeft: number;
  /** It takes no more requests, and closes with its last one. */
  draining = false;
  /** It is among those of the pool that have room: for the pool to keep. */
  ready = false;
  private readonly owner: ConnectionPool<Waiter>;

  constructor(owner: ConnectionPool<Waiter>, connection: UpstreamConnection) {
    this.owner = owner;
    this.connection = connection;
    const { maxRequestsPerConnection } = owner.cluster.config.http.common;
    this.requestsLeft = maxRequestsPerConnection > 0 ? maxRequestsPerConnection : Number.POSITIVE_INFINITY;
    this.idleTimer = new Timer(() => asEvent(() => this.onIdle()));
  }

  /** How many requests it carries at a time, as things stand. */
  protected abstract readonly concurrency: number;
  /** Takes a request, and gives its waiter what to send it with. */
  abstract begin(waiter: Waiter): void;
  /** The connection is gone, not by us: its requests are told. */
  protected abstract onLost(): void;
  abstract onRead(count: number, bytes: Buffer): void;
  abstract onEnd(): void;
  abstract onDrain(): void;
  /** Ends the socket once everything was written. */
  protected abstract endSocket(): void;

  /** How many more requests it takes now. */
  get room(): number {
    if (this.draining || this.connection.closed) return 0;
    return Math.min(this.requestsLeft, this.concurrency - this.connection.active);
  }

  /** One of its requests is over. */
  protected requestOver(): void {
    if (!this.connection.closed) this.owner.onRequestOver(this);
  }

  /** It takes no more requests: it closes with its last one. */
  protected retire(): void {
    this.owner.retire(this);
  }

  onConnected(): void {}

  onClosed(): void {
    this.owner.onClientClosed(this);
    this.onLost();
  }

  onMaxDuration(): void {
    this.owner.cluster.stats.upstreamCxMaxDurationReached.inc();
    this.retire();
  }

  private onIdle(): void {
    if (this.connection.active > 0) return;
    this.owner.cluster.stats.upstreamCxIdleTimeout.inc();
    this.close();
  }

  /** Closes the connection when what was written has left. Requests under way are not told. */
  close(): void {
    if (this.connection.closed) return;
    this.connection.close();
    this.endSocket();
    this.owner.onClientClosed(this);
  }
}
