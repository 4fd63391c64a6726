/**
 * A listener on one worker: accepts connections, chooses a filter chain for each, hands it to the chain's network filter.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/listeners
 */
import { chmodSync, renameSync } from 'node:fs';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { logger } from '#base/logger.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import { bindError } from '#proxy/listeners/bind-error.ts';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { buildFilterChain, type FilterChainInUse } from '#proxy/listeners/filter-chain-in-use.ts';
import { type Inspection, inspect } from '#proxy/listeners/inspect.ts';
import type { TerminalInUse } from '#proxy/network/network-filter.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { compileAccessLogs } from '#proxy/observe/access-log/compile-access-logs.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import {
  type ListenerStats,
  type ListenerThreadStats,
  listenerExtensionStats,
  listenerStats,
  listenerThreadStats,
} from '#proxy/observe/stats/listener-stats.ts';
import { descriptorOf } from '#proxy/transport/handle-channel.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, own, rewrap, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { BoundAddress, ListenPlace } from '#proxy/worker-messages.ts';
import { type CompiledFilterChains, compileFilterChains } from '#selection/compile-filter-chains.ts';
import { selectFilterChain } from '#selection/select-filter-chain.ts';

/** The name of a listener among the stats: its stat_prefix, or its address with ':' replaced. */
export function listenerStatName(config: ListenerConfig): string {
  return config.statPrefix !== '' ? config.statPrefix : addressText(config.addresses[0]);
}

export class WorkerListener {
  readonly config: ListenerConfig;
  private readonly worker: WorkerContext;
  private readonly stats: ListenerStats;
  private readonly threadStats: ListenerThreadStats;
  private readonly chains: CompiledFilterChains;
  private readonly inUse = new Map<FilterChain, FilterChainInUse>();
  private servers: Server[] = [];
  private readonly inspection: Inspection;
  private readonly logger = logger('conn_handler');
  private readonly accessLogs: AccessLogger[];
  private draining = false;

  constructor(config: ListenerConfig, worker: WorkerContext) {
    this.config = config;
    this.worker = worker;
    const scope = worker.scope.scope(`listener.${listenerStatName(config)}`);
    this.stats = listenerStats(scope);
    listenerExtensionStats(scope);
    this.threadStats = listenerThreadStats(scope.scope(`worker_${worker.index}`));
    this.chains = compileFilterChains(config);
    this.inspection = inspect(config);
    this.accessLogs = compileAccessLogs(config.accessLog, {
      scope: worker.scope,
      timers: worker.timers,
      runtime: worker.runtime,
      files: worker.logFiles,
    });
    const leavesUnhealthy = config.drainType === 'DEFAULT';
    const parts = {
      worker,
      config,
      listenerScope: `listener.${listenerStatName(config)}`,
      drainsNow: () =>
        this.draining || (worker.drain.unhealthy && leavesUnhealthy) || worker.drain.closesNow(worker.random),
    };
    for (const chain of config.filterChains) this.inUse.set(chain, buildFilterChain(chain, parts));
    if (config.defaultFilterChain !== undefined)
      this.inUse.set(config.defaultFilterChain, buildFilterChain(config.defaultFilterChain, parts));
  }

  /**
   * Listens on every address. A port 0 is chosen by the system.
   * @param places for each address, where the others of this process or of the one before listen already
   */
  async listen(places: readonly ListenPlace[]): Promise<BoundAddress[]> {
    const bound: BoundAddress[] = [];
    for (let i = 0; i < this.config.addresses.length; i++) {
      const address = this.config.addresses[i];
      const { port, fds } = places[i] ?? NOWHERE;
      // Several workers, or several processes as with Envoy, have sockets of their own at an address; else workers share one socket.
      const reusable = address.kind === 'ip' && this.config.enableReusePort;
      const servers =
        fds.length > 0
          ? await Promise.all(fds.map((fd) => this.open(address, { fd })))
          : [await this.open(address, this.target(address, port, reusable))];
      bound.push({
        address: boundAddress(address, servers[0]),
        fds: servers.map(descriptorOf),
        kind: address.kind === 'ip' ? 'tcp' : 'pipe',
        reusable,
      });
    }
    return bound;
  }

  private target(address: Address, port: number, reusePort: boolean): ListenOptions {
    if (address.kind === 'pipe') return pipeTarget(address.path);
    if (address.kind === 'internal') throw new Error(`internal address ${address.name} is not served`);
    return { host: address.address, port: address.port || port, reusePort, ipv6Only: !address.ipv4Compat };
  }

  private open(address: Address, target: ListenOptions & { fd?: number }): Promise<Server> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
      asEvent(() => this.accept(socket, address)),
    );
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(bindError(address, error)));
      server.listen({ ...target, backlog: this.config.tcpBacklogSize ?? 4096 }, () => {
        server.removeAllListeners('error');
        if (address.kind === 'pipe' && target.fd === undefined) settlePath(address, String(target.path));
        server.on('error', (error) => this.logger.warning(`listener '${this.config.name}': ${error.message}`));
        resolve(server);
      });
    });
  }

  private accept(accepted: Socket, address: Address): void {
    const { stats, worker } = this;
    stats.connectionsAcceptedPerSocketEvent.record(1);
    if (!this.config.ignoreGlobalConnLimit && !worker.downstreamLimit.take()) {
      stats.downstreamGlobalCxOverflow.inc();
      accepted.destroy();
      return;
    }
    const connection = new DownstreamConnection();
    connection.listenerName = this.config.name;
    connection.listenerMetadata = this.config.metadata;
    connection.startMark = clock.now();
    connection.bufferLimit = this.config.perConnectionBufferLimitBytes;
    const unix = address.kind === 'pipe';
    if (accepted.remoteAddress === undefined && !unix) {
      // The client is gone already.
      if (!this.config.ignoreGlobalConnLimit) worker.downstreamLimit.give();
      accepted.destroy();
      return;
    }
    if (unix) connection.setPath(address.path);
    else
      connection.setAddresses(
        accepted.localAddress ?? '',
        accepted.localPort ?? 0,
        accepted.remoteAddress ?? '',
        accepted.remotePort ?? 0,
      );
    stats.downstreamCxTotal.inc();
    stats.downstreamCxActive.inc();
    this.threadStats.downstreamCxTotal.inc();
    this.threadStats.downstreamCxActive.inc();
    if (this.inspection.needed) {
      stats.downstreamPreCxActive.inc();
      this.inspection.run(accepted, connection, worker, (ready) => {
        stats.downstreamPreCxActive.dec();
        if (ready) this.choose(accepted, connection, true);
        else this.onClosed(connection);
      });
    } else this.choose(accepted, connection, false);
  }

  private choose(accepted: Socket, connection: DownstreamConnection, inspected: boolean): void {
    const chain = selectFilterChain(this.chains, connection);
    if (chain === undefined) {
      this.stats.noFilterChainMatch.inc();
      connection.stream.responseCodeDetails = 'filter_chain_not_found';
      connection.stream.flags |= Flag.NoRouteFound;
      accepted.destroy();
      this.onClosed(connection);
      return;
    }
    const inUse = this.inUse.get(chain) as FilterChainInUse;
    connection.filterChainName = chain.name;
    connection.secured = inUse.tls !== undefined;
    connection.filterChainMetadata = chain.metadata;
    if (!inUse.filter.begin(connection)) {
      accepted.destroy();
      inUse.filter.lost(connection, true);
      this.onClosed(connection);
      return;
    }
    if (inUse.tls !== undefined) {
      inUse.tls.accept(accepted, connection, this.worker, (secure) => {
        connection.abandon = undefined;
        if (secure === undefined) {
          inUse.filter.lost(connection, connection.closedByUs || connection.terminationDetails !== '');
          this.onClosed(connection);
        } else this.serve(inUse.filter, secure, connection, false);
      });
      return;
    }
    if (inspected) {
      this.serve(inUse.filter, accepted, connection, true);
      accepted.resume();
      return;
    }
    this.serve(inUse.filter, rewrap(accepted), connection, false);
  }

  private serve(filter: TerminalInUse, socket: OwnedSocket, connection: DownstreamConnection, reads: boolean): void {
    const owner = filter.accept(socket, connection);
    const close = owner.onClose.bind(owner);
    const counted: SocketOwner = {
      onRead: (count, bytes) => owner.onRead(count, bytes),
      onEnd: () => asEvent(() => owner.onEnd()),
      onDrain: () => asEvent(() => owner.onDrain()),
      onClose: () =>
        asEvent(() => {
          close();
          if (this.accessLogs.length > 0) connection.stream.countBytes(socket);
          this.onClosed(connection);
        }),
    };
    own(socket, counted, reads);
  }

  private onClosed(connection: DownstreamConnection): void {
    this.stats.downstreamCxActive.dec();
    this.stats.downstreamCxDestroy.inc();
    this.threadStats.downstreamCxActive.dec();
    this.stats.downstreamCxLengthMs.record(Math.round(clock.now() - connection.startMark));
    if (!this.config.ignoreGlobalConnLimit) this.worker.downstreamLimit.give();
    if (this.accessLogs.length > 0) this.log(connection);
  }

  private log({ stream }: DownstreamConnection): void {
    stream.marks.complete = clock.now();
    stream.accessLogType = '';
    for (const logger of this.accessLogs) logger.log(stream);
  }

  /** Stops accepting. A unix socket's path stays, as with Envoy: another process may listen there by now. */
  stop(): void {
    for (const server of this.servers) server.close();
    this.servers = [];
  }

  /** From now on connections close as their requests end; idle ones at once. */
  drain(): void {
    this.draining = true;
    for (const { filter } of this.inUse.values()) asEvent(() => filter.drain());
  }

  get activeConnections(): number {
    let active = 0;
    for (const { filter } of this.inUse.values()) active += filter.active;
    return active;
  }
}

const NOWHERE: ListenPlace = { port: 0, fds: [] };

/** A path that begins with @ is in the abstract namespace. Any other is bound under another name first: see `settlePath`. */
function pipeTarget(path: string): ListenOptions {
  return { path: path.startsWith('@') ? `\0${path.slice(1)}` : join(dirname(path), `.${process.pid}-${paths++}`) };
}

/** How many paths this thread bound. */
let paths = 0;

/**
 * Gives a bound socket its path, over whatever was there, as Envoy does. Node removes the path that it bound when the socket closes; this
 * one, which a next generation may serve, it does not know.
 */
function settlePath({ path, mode }: Extract<Address, { kind: 'pipe' }>, bound: string): void {
  if (path.startsWith('@')) return;
  if (mode !== 0) chmodSync(bound, mode);
  renameSync(bound, path);
}

function boundAddress(address: Address, server: Server): Address {
  const now = server.address();
  return address.kind === 'ip' && typeof now === 'object' && now !== null ? { ...address, port: now.port } : address;
}
