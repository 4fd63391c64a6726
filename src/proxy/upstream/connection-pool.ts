/**
 * The connections of one worker to one host, for one routing priority: requests wait here for a connection, connections with room for a
 * request. What is spoken on them is for those who extend this.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling and Envoy's ConnPoolImplBase.
 */
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { PooledClient } from '#proxy/upstream/pooled-client.ts';
import { type Connectivity, type PreconnectingPool, wantsConnection } from '#proxy/upstream/predictive-preconnect.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import { type ConnectionUser, UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** Who wants a connection. */
export interface PoolWaiter {
  /** @param tried the connection that failed; undefined where none was begun */
  onPoolFailure(reason: ResetReason, details: string, tried?: UpstreamInfo): void;
}

/** What a pool serves. */
export interface PoolOrigin {
  cluster: Cluster;
  host: Host;
  priority: 'DEFAULT' | 'HIGH';
  /** The name that TLS asks for, where requests give it; else empty. */
  serverName: string;
  /** The PROXY header of the client that it serves alone; undefined: it serves any. */
  proxyHeader?: Buffer | undefined;
}

/** Envoy makes at most so many connections for one reason. */
const CONNECTIONS_AT_ONCE = 3;

export abstract class ConnectionPool<Waiter extends PoolWaiter> implements ConnectionUser, PreconnectingPool {
  readonly cluster: Cluster;
  readonly host: Host;
  readonly worker: WorkerContext;
  readonly priority: 'DEFAULT' | 'HIGH';
  private readonly serverName: string;
  private readonly proxyHeader: Buffer | undefined;
  /** Those with room for a request: the one that had it last is used first. */
  private readonly ready: PooledClient<Waiter>[] = [];
  private readonly clients = new Set<PooledClient<Waiter>>();
  private readonly connecting = new Set<UpstreamConnection>();
  private waiting: Waiter[] = [];
  /** Requests under way on all connections. */
  private active = 0;
  private draining = false;
  /** It is among the cluster's pools that `max_connection_pools` counts. */
  private opened = false;
  /** What of this pool is in the worker's numbers. */
  private readonly counted: Connectivity = { waiting: 0, active: 0, room: 0 };

  constructor({ cluster, host, priority, serverName, proxyHeader }: PoolOrigin) {
    this.cluster = cluster;
    this.host = host;
    this.priority = priority;
    this.serverName = serverName;
    this.proxyHeader = proxyHeader;
    this.worker = cluster.worker;
  }

  /** What ALPN offers where the transport's configuration names nothing. */
  protected abstract readonly alpn: readonly string[];
  /** How many requests at a time a connection is expected to carry before it is there. */
  protected abstract readonly expectedRoom: number;
  /** A connection is begun. */
  protected abstract onConnecting(): void;
  /** A connection is there: what speaks on it. */
  protected abstract clientOf(connection: UpstreamConnection): PooledClient<Waiter>;

  /** No connection, and nobody who waits for one. */
  get empty(): boolean {
    return this.clients.size + this.connecting.size + this.waiting.length === 0;
  }

  /** Requests are under way, or wait. */
  get busy(): boolean {
    return this.active + this.waiting.length > 0;
  }

  /**
   * Takes a place among the cluster's pools, and keeps it until there is neither a connection nor anybody who waits for one.
   * @returns false where all places are taken
   */
  open(): boolean {
    if (this.opened) return true;
    const { connectionPools } = this.breakers;
    if (!connectionPools.canCreate()) return false;
    connectionPools.inc();
    this.opened = true;
    return true;
  }

  private leaveIfEmpty(): void {
    if (!this.opened || !this.empty) return;
    this.opened = false;
    this.breakers.connectionPools.dec();
  }

  /** Gives its place away, if it has one and nothing is under way: its connections close. @returns whether it did */
  yield(): boolean {
    if (!this.opened || this.busy || this.connecting.size > 0) return false;
    for (const client of [...this.clients]) client.close();
    return !this.opened;
  }

  private get breakers() {
    return this.cluster.breakers[this.priority];
  }

  /** Gives `waiter` a connection at once, or when one is there, or says why it cannot. */
  request(waiter: Waiter): void {
    const { stats, config } = this.cluster;
    if (this.ready.length > 0) {
      this.attach(this.ready[this.ready.length - 1], waiter);
      if (config.preconnect.perUpstreamRatio > 1) this.connectAsNeeded();
      this.count();
      return;
    }
    if (!this.breakers.pendingRequests.canCreate()) {
      stats.upstreamRqPendingOverflow.inc();
      waiter.onPoolFailure('overflow', '');
      return this.leaveIfEmpty();
    }
    this.breakers.pendingRequests.inc();
    stats.upstreamRqPendingTotal.inc();
    stats.upstreamRqPendingActive.inc();
    this.host.stats.rqPendingActive.add(1);
    this.waiting.push(waiter);
    this.connectAsNeeded();
    this.count();
  }

  /** The waiter does not wait any longer. */
  cancel(waiter: Waiter): void {
    const i = this.waiting.indexOf(waiter);
    if (i < 0) return;
    this.waiting.splice(i, 1);
    this.stopWaiting();
    this.count();
    this.leaveIfEmpty();
    this.cluster.stats.upstreamRqCancelled.inc();
  }

  private stopWaiting(): void {
    this.breakers.pendingRequests.dec();
    this.cluster.stats.upstreamRqPendingActive.dec();
    this.host.stats.rqPendingActive.add(-1);
  }

  private attach(client: PooledClient<Waiter>, waiter: Waiter): void {
    const { stats } = this.cluster;
    if (!this.breakers.requests.canCreate()) {
      stats.upstreamRqActiveOverflow.inc();
      waiter.onPoolFailure('overflow', '', client.connection.info);
      return;
    }
    this.breakers.requests.inc();
    stats.upstreamRqTotal.inc();
    stats.upstreamRqActive.inc();
    this.host.stats.rqTotal.inc();
    this.host.stats.rqActive.add(1);
    this.active++;
    client.connection.active++;
    client.requests++;
    if (--client.requestsLeft <= 0) {
      stats.upstreamCxMaxRequests.inc();
      client.draining = true;
    }
    if (client.idleTimer.armed) this.worker.timers.cancel(client.idleTimer);
    if (client.room <= 0) this.unready(client);
    client.begin(waiter);
  }

  private unready(client: PooledClient<Waiter>): void {
    if (!client.ready) return;
    client.ready = false;
    const { ready } = this;
    if (ready[ready.length - 1] === client) ready.pop();
    else ready.splice(ready.indexOf(client), 1);
  }

  /** Makes as many connections as those who wait ask for, and as preconnecting does. */
  private connectAsNeeded(): void {
    for (let i = 0; i < CONNECTIONS_AT_ONCE && this.needsConnection(); i++) if (!this.connect()) return;
  }

  private needsConnection(): boolean {
    const { connectivity } = this;
    if (wantsConnection(connectivity, 1, 0)) return true;
    return this.wantsAhead(connectivity, this.cluster.config.preconnect.perUpstreamRatio, 0);
  }

  /** Whether a connection is to be made that no request waits for; one that the host's metadata forbids is counted. */
  private wantsAhead(connectivity: Connectivity, ratio: number, expected: number): boolean {
    // Nothing is made ahead for a host that may be down.
    if (this.host.health !== 'healthy' || !wantsConnection(connectivity, ratio, expected)) return false;
    if (this.cluster.preconnects(this.host.metadata)) return true;
    this.cluster.stats.upstreamCxPreconnectSkipped.inc();
    return false;
  }

  private get connectivity(): Connectivity {
    let room = this.connecting.size * this.expectedRoom;
    for (const client of this.ready) room += client.room;
    return { waiting: this.waiting.length, active: this.active, room };
  }

  connectAhead(ratio: number): boolean {
    if (!this.wantsAhead(this.connectivity, ratio, 1)) {
      this.leaveIfEmpty();
      return false;
    }
    const more = this.connect();
    this.count();
    return more;
  }

  /** Brings what the worker knows of this pool up to date, where that is asked for. */
  private count(): void {
    const all = this.worker.clusters.connectivity;
    if (!all.asked) return;
    const { counted, connectivity } = this;
    for (const number of ['waiting', 'active', 'room'] as const) {
      all[number] += connectivity[number] - counted[number];
      counted[number] = connectivity[number];
    }
  }

  /** @returns whether another may be made */
  private connect(): boolean {
    const { cluster, host, priority, serverName, alpn, proxyHeader } = this;
    const { connections, maxConnectionsPerHost } = this.breakers;
    const allowed = connections.canCreate() && host.stats.cxActive.value < maxConnectionsPerHost;
    if (!allowed) {
      cluster.stats.upstreamCxOverflow.inc();
      // A host that has none gets one all the same: those who wait would wait forever.
      if (this.connecting.size + this.clients.size > 0) return false;
    }
    this.onConnecting();
    this.connecting.add(new UpstreamConnection({ cluster, host, priority, serverName, alpn, proxyHeader }, this));
    return allowed;
  }

  onConnected(connection: UpstreamConnection): void {
    this.connecting.delete(connection);
    const client = this.clientOf(connection);
    connection.user = client;
    this.clients.add(client);
    const isLess = client.room < this.expectedRoom;
    this.offer(client);
    if (this.draining) this.retire(client);
    else if (isLess && this.waiting.length > 0) this.connectAsNeeded();
    this.count();
  }

  /** A request of this client is over, and was the last one where it is draining. */
  onRequestOver(client: PooledClient<Waiter>): void {
    this.active--;
    client.connection.active--;
    this.breakers.requests.dec();
    this.cluster.stats.upstreamRqActive.dec();
    this.host.stats.rqActive.add(-1);
    if (client.connection.closed) return this.count();
    if (!client.draining) this.offer(client);
    else if (client.connection.active === 0) client.close();
    this.count();
  }

  /** The client has room, or has none any more: the host's limits changed. */
  onRoomChanged(client: PooledClient<Waiter>): void {
    if (client.room > 0) this.offer(client);
    else this.unready(client);
    this.count();
  }

  /** The client takes no more requests: it closes with its last one. */
  retire(client: PooledClient<Waiter>): void {
    client.draining = true;
    this.unready(client);
    if (client.connection.active === 0) client.close();
    if (this.waiting.length > 0) this.connectAsNeeded();
    this.count();
  }

  private offer(client: PooledClient<Waiter>): void {
    while (this.waiting.length > 0 && client.room > 0) {
      const waiter = this.waiting.shift() as Waiter;
      this.stopWaiting();
      this.attach(client, waiter);
    }
    if (client.connection.closed) return;
    if (!client.ready && client.room > 0) {
      client.ready = true;
      this.ready.push(client);
    }
    const { idleTimeout } = this.cluster.config.http.common;
    if (idleTimeout > 0 && client.connection.active === 0) this.worker.timers.arm(client.idleTimer, idleTimeout);
  }

  /** A connection that was being made is gone: everybody who waits is told, since the host seems to be gone. */
  onClosed(connection: UpstreamConnection): void {
    this.connecting.delete(connection);
    const { stats } = this.cluster;
    const { waiting } = this;
    this.waiting = [];
    this.count();
    for (const waiter of waiting) {
      this.stopWaiting();
      stats.upstreamRqPendingFailureEject.inc();
      waiter.onPoolFailure(connection.failureReason, connection.failure, connection.info);
    }
    this.leaveIfEmpty();
  }

  /** The client's connection is closed, by whoever. */
  onClientClosed(client: PooledClient<Waiter>): void {
    if (!this.clients.delete(client)) return;
    this.cluster.stats.upstreamRqPerCx.record(client.requests);
    this.unready(client);
    this.worker.timers.cancel(client.idleTimer);
    while (client.connection.active > 0) this.onRequestOver(client);
    if (this.waiting.length > 0) this.connectAsNeeded();
    else this.leaveIfEmpty();
    this.count();
  }

  /** The host left the cluster, or the worker ends: idle connections close now, others with their last response. */
  drain(): void {
    this.draining = true;
    for (const client of [...this.clients]) this.retire(client);
  }

  onRead(): void {}

  onEnd(): void {}

  onDrain(): void {}

  onMaxDuration(): void {}
}
