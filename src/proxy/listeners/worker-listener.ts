/**
 * A listener on one worker: accepts connections, chooses a filter chain for each, hands it to the chain's network filter.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/listeners
 */
import { createServer, type Server, type Socket } from 'node:net';
import { logger } from '#base/logger.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { buildFilterChain, type FilterChainInUse } from '#proxy/listeners/filter-chain-in-use.ts';
import { type Inspection, inspect } from '#proxy/listeners/inspect.ts';
import type { NetworkFilterInUse } from '#proxy/network/network-filter.ts';
import {
  type ListenerStats,
  type ListenerThreadStats,
  listenerStats,
  listenerThreadStats,
} from '#proxy/observe/stats/listener-stats.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, own, rewrap, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
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
  private readonly servers: Server[] = [];
  private readonly inspection: Inspection;
  private readonly log = logger('conn_handler');
  private draining = false;

  constructor(config: ListenerConfig, worker: WorkerContext) {
    this.config = config;
    this.worker = worker;
    const scope = worker.scope.scope(`listener.${listenerStatName(config)}`);
    this.stats = listenerStats(scope);
    this.threadStats = listenerThreadStats(scope.scope(`worker_${worker.index}`));
    this.chains = compileFilterChains(config);
    this.inspection = inspect(config);
    const parts = {
      worker,
      config,
      listenerScope: `listener.${listenerStatName(config)}`,
      drainsNow: () => this.draining || worker.drain.closesNow(worker.random),
    };
    for (const chain of config.filterChains) this.inUse.set(chain, buildFilterChain(chain, parts));
    if (config.defaultFilterChain !== undefined)
      this.inUse.set(config.defaultFilterChain, buildFilterChain(config.defaultFilterChain, parts));
  }

  /**
   * Binds every address. A port 0 is chosen by the system.
   * @param ports ports that another worker was given for this listener's addresses, in order
   * @returns the addresses as bound
   */
  async listen(ports: readonly number[], reusePort: boolean): Promise<Address[]> {
    const bound: Address[] = [];
    for (let i = 0; i < this.config.addresses.length; i++)
      bound.push(await this.bind(this.config.addresses[i], ports[i] ?? 0, reusePort));
    return bound;
  }

  private bind(address: Address, port: number, reusePort: boolean): Promise<Address> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
      asEvent(() => this.accept(socket)),
    );
    this.servers.push(server);
    const backlog = this.config.tcpBacklogSize ?? 4096;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const bound = () => {
        server.off('error', reject);
        server.on('error', (error) => this.log.warning(`listener '${this.config.name}': ${error.message}`));
        const now = server.address();
        resolve(
          address.kind === 'ip' && typeof now === 'object' && now !== null ? { ...address, port: now.port } : address,
        );
      };
      if (address.kind === 'ip') {
        server.listen(
          { host: address.address, port: address.port || port, backlog, reusePort, ipv6Only: !address.ipv4Compat },
          bound,
        );
      } else if (address.kind === 'pipe') server.listen({ path: address.path, backlog }, bound);
      else reject(new Error(`listener '${this.config.name}': internal addresses are not served`));
    });
  }

  private accept(accepted: Socket): void {
    const { stats, worker } = this;
    stats.connectionsAcceptedPerSocketEvent.record(1);
    if (!this.config.ignoreGlobalConnLimit && !worker.downstreamLimit.take()) {
      stats.downstreamGlobalCxOverflow.inc();
      accepted.destroy();
      return;
    }
    const connection = new DownstreamConnection();
    connection.listenerName = this.config.name;
    connection.startMark = clock.now();
    connection.bufferLimit = this.config.perConnectionBufferLimitBytes;
    const unix = accepted.remoteAddress === undefined && this.config.addresses[0].kind === 'pipe';
    if (accepted.remoteAddress === undefined && !unix) {
      // The client is gone already.
      if (!this.config.ignoreGlobalConnLimit) worker.downstreamLimit.give();
      accepted.destroy();
      return;
    }
    if (unix) connection.setPath(addressText(this.config.addresses[0]));
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
      connection.terminationDetails = 'filter_chain_not_found';
      accepted.destroy();
      this.onClosed(connection);
      return;
    }
    const inUse = this.inUse.get(chain) as FilterChainInUse;
    connection.filterChainName = chain.name;
    if (inUse.tls !== undefined) {
      inUse.tls.accept(accepted, connection, this.worker, (secure) => {
        if (secure === undefined) this.onClosed(connection);
        else this.serve(inUse.filter, secure, connection, false);
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

  private serve(
    filter: NetworkFilterInUse,
    socket: OwnedSocket,
    connection: DownstreamConnection,
    reads: boolean,
  ): void {
    const owner = filter.accept(socket, connection);
    const close = owner.onClose.bind(owner);
    const counted: SocketOwner = {
      onRead: (count, bytes) => owner.onRead(count, bytes),
      onEnd: () => asEvent(() => owner.onEnd()),
      onDrain: () => asEvent(() => owner.onDrain()),
      onClose: () =>
        asEvent(() => {
          close();
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
  }

  /** Stops accepting. */
  stop(): void {
    for (const server of this.servers) server.close();
    this.servers.length = 0;
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
