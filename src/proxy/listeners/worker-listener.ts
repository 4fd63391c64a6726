/**
 * A listener on one worker: accepts connections, chooses a filter chain for each, hands it to the chain's network filter.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/listeners
 */
import type { Socket } from 'node:net';
import type { Timer } from '#base/timers.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { DownstreamLimit } from '#proxy/listeners/downstream-limit.ts';
import { buildFilterChain, type FilterChainInUse } from '#proxy/listeners/filter-chain-in-use.ts';
import { ListenSocket } from '#proxy/listeners/listen-socket.ts';
import type { ListenerFilterInUse } from '#proxy/listeners/listener-filter.ts';
import {
  type ListenerFilterCaller,
  type ListenerFilterOutcome,
  ListenerFilterRun,
} from '#proxy/listeners/listener-filter-run.ts';
import { listenerFiltersInUse } from '#proxy/listeners/listener-filters-in-use.ts';
import type { ConnectionTaker, InternalConnection } from '#proxy/listeners/listener-lookup.ts';
import type { ServedListener } from '#proxy/listeners/served-listener.ts';
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
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { loadNative } from '#proxy/transport/native-sockets.ts';
import { type OwnedSocket, own, rewrap, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { BoundAddress, FilterChainUpdate, ListenPlace } from '#proxy/worker-messages.ts';
import { type CompiledFilterChains, compileFilterChains } from '#selection/compile-filter-chains.ts';
import { selectFilterChain } from '#selection/select-filter-chain.ts';

/** The name of a listener among the stats: its stat_prefix, or its address with ':' replaced. */
export function listenerStatName(config: ListenerConfig): string {
  return config.statPrefix !== '' ? config.statPrefix : addressText(config.addresses[0]);
}

export class WorkerListener implements ServedListener, ListenerFilterCaller, ConnectionTaker {
  config: ListenerConfig;
  private readonly worker: WorkerContext;
  private readonly stats: ListenerStats;
  private readonly threadStats: ListenerThreadStats;
  private chains: CompiledFilterChains;
  private inUse = new Map<FilterChain, FilterChainInUse>();
  private sockets: ListenSocket[] = [];
  private readonly limit: DownstreamLimit;
  private readonly filters: readonly ListenerFilterInUse[];
  /** Connections that listener filters still look at. */
  private readonly filtering = new Set<ListenerFilterRun>();
  private readonly accessLogs: AccessLogger[];
  /** It takes no more connections, also none from other listeners. */
  stopped = false;
  private draining = false;
  /** Filter chains that are no more, with connections that still are; by the number of the update that took them away. */
  private readonly leaving = new Map<number, FilterChainInUse[]>();

  constructor(config: ListenerConfig, worker: WorkerContext) {
    this.config = config;
    this.worker = worker;
    const scope = worker.scope.scope(`listener.${listenerStatName(config)}`);
    this.stats = listenerStats(scope);
    listenerExtensionStats(scope);
    this.threadStats = listenerThreadStats(scope.scope(`worker_${worker.index}`));
    this.chains = compileFilterChains(config);
    const limitKey = `envoy.resource_limits.listener.${config.name}.connection_limit`;
    this.limit = new DownstreamLimit(config.connectionCount, () =>
      worker.runtime.integer(limitKey, Number.POSITIVE_INFINITY),
    );
    this.filters = listenerFiltersInUse(config, worker);
    // Now rather than with the first connection.
    if (config.addresses[0].kind === 'internal') loadNative();
    this.accessLogs = compileAccessLogs(config.accessLog, {
      scope: worker.scope,
      timers: worker.timers,
      runtime: worker.runtime,
      files: worker.logFiles,
    });
    for (const chain of allChains(config)) this.inUse.set(chain, this.build(chain));
  }

  private build(chain: FilterChain): FilterChainInUse {
    const { config, worker } = this;
    const leavesUnhealthy = config.drainType === 'DEFAULT';
    const drain = worker.drain.another();
    return buildFilterChain(chain, {
      worker,
      config,
      listenerScope: `listener.${listenerStatName(config)}`,
      drain,
      drainsNow: () =>
        this.draining ||
        (worker.drain.unhealthy && leavesUnhealthy) ||
        worker.drain.closesNow(worker.random) ||
        drain.closesNow(worker.random),
    });
  }

  /**
   * Other filter chains, on the same sockets: connections of chains that stay are left alone, those of others drain.
   */
  updateChains({ config, filterChains, defaultFilterChain, update }: FilterChainUpdate): void {
    const former = this.config;
    const keptDefault = defaultFilterChain === 'kept' ? former.defaultFilterChain : defaultFilterChain;
    this.config = {
      ...config,
      filterChains: filterChains.map((chain) => (typeof chain === 'number' ? former.filterChains[chain] : chain)),
      ...(keptDefault === undefined ? {} : { defaultFilterChain: keptDefault }),
    };
    const inUse = new Map<FilterChain, FilterChainInUse>();
    for (const chain of allChains(this.config)) inUse.set(chain, this.inUse.get(chain) ?? this.build(chain));
    const gone = [...this.inUse].filter(([chain]) => !inUse.has(chain)).map(([, chain]) => chain);
    this.inUse = inUse;
    this.chains = compileFilterChains(this.config);
    for (const { drain } of gone) drain.start(false);
    this.leaving.set(update, gone);
  }

  /** The drain time of chains that an update took away is over. */
  endChains(update: number): void {
    for (const chain of this.leaving.get(update) ?? []) endChain(chain);
    this.leaving.delete(update);
  }

  /** The listener is removed or replaced: nothing more is accepted, connections drain. */
  leave(): void {
    this.stop();
    for (const { drain } of this.inUse.values()) drain.start(false);
  }

  /** The drain time is over. */
  end(): void {
    this.stop();
    for (const chain of this.inUse.values()) endChain(chain);
    for (const update of this.leaving.keys()) this.endChains(update);
    for (const run of this.filtering) run.abandon();
  }

  /**
   * Listens on every address. A port 0 is chosen by the system.
   * @param places for each address, where the others of this process or of the one before listen already
   * @param former the listener that this one replaces: its sockets are taken over where the addresses are the same
   * @throws with Envoy's words where an address cannot be bound: then the former one still serves
   */
  async listen(places: readonly ListenPlace[], former?: ServedListener): Promise<BoundAddress[]> {
    const predecessor = former instanceof WorkerListener ? former : undefined;
    const theirs = [...(predecessor?.sockets ?? [])];
    const taken: ListenSocket[] = [];
    const [internal] = this.config.addresses;
    if (internal.kind === 'internal') return [{ address: internal, fds: [], kind: 'pipe', reusable: true }];
    for (const [i, address] of this.config.addresses.entries()) {
      const options = this.config.socketOptions[i] ?? [];
      const at = theirs.findIndex((socket) => socket.serves(address, options, this.config));
      if (at >= 0) {
        taken.push(...theirs.splice(at, 1));
        this.sockets.push(taken[taken.length - 1]);
        continue;
      }
      const socket = new ListenSocket(address, options, this);
      this.sockets.push(socket);
      await socket.open(places[i] ?? NOWHERE);
    }
    for (const socket of taken) socket.owner = this;
    if (predecessor !== undefined) predecessor.sockets = theirs;
    return this.sockets.map(({ bound }) => bound);
  }

  /** The listener could not listen: what it opened is closed, what it was to take over stays with its owner. */
  giveUp(): void {
    for (const socket of this.sockets) if (socket.owner === this) socket.close();
    this.sockets = [];
  }

  accept(accepted: Socket, address: Address): void {
    this.stats.connectionsAcceptedPerSocketEvent.record(1);
    if (!this.admit(accepted)) return;
    if (!this.limit.take()) {
      this.stats.downstreamCxOverflow.inc();
      this.giveBackGlobal();
      accepted.destroy();
      return;
    }
    const connection = new DownstreamConnection();
    connection.startMark = clock.now();
    const unix = address.kind === 'pipe';
    if (accepted.remoteAddress === undefined && !unix) {
      // The client is gone already.
      this.giveBack();
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
    this.begin(rewrap(accepted), connection, undefined);
  }

  acceptInternal(socket: OwnedSocket, { endpointId, metadata, state }: InternalConnection): void {
    this.stats.connectionsAcceptedPerSocketEvent.record(1);
    if (!this.admit(socket)) return;
    this.limit.force();
    const connection = new DownstreamConnection();
    connection.startMark = clock.now();
    connection.setInternal(this.config.name, endpointId);
    connection.dynamicMetadata = metadata;
    connection.filterState = state?.values;
    connection.sharedState = state?.shared;
    this.begin(socket, connection, undefined);
  }

  /** Takes over a connection that came to another listener and was on its way to this one's address (use_original_dst). */
  adopt(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    if (!this.admit(socket)) return;
    this.limit.force();
    connection.handedOff = true;
    this.begin(socket, connection, early);
  }

  /** Whether the limit on all connections lets one more in; it is closed where it does not. */
  private admit(socket: Socket): boolean {
    const { stats, worker } = this;
    if (!this.config.ignoreGlobalConnLimit && !worker.downstreamLimit.take()) {
      stats.downstreamGlobalCxOverflow.inc();
      socket.destroy();
      return false;
    }
    return true;
  }

  /** The connection's place among those that the limits allow is free again. */
  private giveBack(): void {
    this.limit.give();
    this.giveBackGlobal();
  }

  private giveBackGlobal(): void {
    if (!this.config.ignoreGlobalConnLimit) this.worker.downstreamLimit.give();
  }

  private begin(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    connection.listenerName = this.config.name;
    connection.listenerMetadata = this.config.metadata;
    connection.bufferLimit = this.config.perConnectionBufferLimitBytes;
    if (this.filters.length === 0) {
      this.choose(socket, connection, early);
      return;
    }
    const run = new ListenerFilterRun(socket, connection, this.filters, this, early);
    this.stats.downstreamPreCxActive.inc();
    this.filtering.add(run);
    run.start();
  }

  get listenerFiltersTimeout(): number {
    return this.config.listenerFiltersTimeout;
  }

  armTimer(timer: Timer): void {
    this.worker.timers.arm(timer, this.listenerFiltersTimeout);
  }

  cancelTimer(timer: Timer): void {
    this.worker.timers.cancel(timer);
  }

  /** Called by the run: the listener filters have looked at the connection. */
  onFiltered(run: ListenerFilterRun, outcome: ListenerFilterOutcome): void {
    const { stats, config } = this;
    const { socket, connection, early } = run;
    this.filtering.delete(run);
    stats.downstreamPreCxActive.dec();
    if (outcome === 'timeout') stats.downstreamPreCxTimeout.inc();
    else if (outcome === 'remote_close') stats.downstreamListenerFilterRemoteClose.inc();
    else if (outcome === 'error') stats.downstreamListenerFilterError.inc();
    if (outcome !== 'ready' && !(outcome === 'timeout' && config.continueOnListenerFiltersTimeout)) {
      this.drop(socket, connection, early);
      return;
    }
    const other = this.originalListener(connection);
    if (other === undefined) this.choose(socket, connection, early);
    else {
      this.giveBack();
      other.adopt(socket, connection, early);
    }
  }

  /** The listener that a redirected connection was on its way to, where it is handed on. */
  private originalListener(connection: DownstreamConnection): ConnectionTaker | undefined {
    if (!this.config.useOriginalDst || connection.handedOff || !connection.destinationRestored) return undefined;
    return this.worker.listeners.byAddress(connection.destinationAddress, connection.destinationPort);
  }

  private choose(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    const chain = selectFilterChain(this.chains, connection);
    if (chain === undefined) {
      this.stats.noFilterChainMatch.inc();
      connection.stream.responseCodeDetails = 'filter_chain_not_found';
      connection.stream.setFlag(Flag.NoRouteFound);
      this.drop(socket, connection, early);
      return;
    }
    this.stats.downstreamCxTotal.inc();
    this.stats.downstreamCxActive.inc();
    this.threadStats.downstreamCxTotal.inc();
    this.threadStats.downstreamCxActive.inc();
    const inUse = this.inUse.get(chain) as FilterChainInUse;
    connection.filterChainName = chain.name;
    connection.secured = inUse.tls !== undefined;
    connection.filterChainMetadata = chain.metadata;
    if (!inUse.filter.begin(connection)) {
      close(socket, early);
      inUse.filter.lost(connection, true);
      this.onClosed(connection);
      return;
    }
    if (inUse.tls === undefined) {
      this.serve(inUse.filter, socket, connection, early);
      return;
    }
    inUse.tls.accept(socket, early, connection, this.worker, (secure) => {
      connection.abandon = undefined;
      if (secure === undefined) {
        inUse.filter.lost(connection, connection.closedByUs || connection.terminationDetails !== '');
        this.onClosed(connection);
      } else this.serve(inUse.filter, secure, connection, undefined);
    });
  }

  /** Gives the connection to its filters. @param early what was read of it before */
  private serve(
    filter: TerminalInUse,
    socket: OwnedSocket,
    connection: DownstreamConnection,
    early: Buffer | undefined,
  ): void {
    const owner = filter.accept(socket, connection);
    const close = owner.onClose.bind(owner);
    const counted: SocketOwner = {
      onRead: (count, bytes) => owner.onRead(count, bytes),
      onEnd: () => asEvent(() => owner.onEnd()),
      onDrain: () => asEvent(() => owner.onDrain()),
      onError: (error) => owner.onError?.(error),
      onClose: () =>
        asEvent(() => {
          close();
          if (this.accessLogs.length > 0) connection.stream.countBytes(socket);
          this.onClosed(connection);
        }),
    };
    own(socket, counted, false);
    if (early !== undefined && !socket.destroyed) counted.onRead(early.length, early);
  }

  /** Closes what never became a connection of a filter chain. */
  private drop(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    close(socket, early);
    this.giveBack();
    if (this.accessLogs.length > 0) this.log(connection);
  }

  private onClosed(connection: DownstreamConnection): void {
    this.stats.downstreamCxActive.dec();
    this.stats.downstreamCxDestroy.inc();
    this.threadStats.downstreamCxActive.dec();
    this.stats.downstreamCxLengthMs.record(Math.round(clock.now() - connection.startMark));
    this.giveBack();
    if (this.accessLogs.length > 0) this.log(connection);
  }

  private log({ stream }: DownstreamConnection): void {
    stream.marks.complete = clock.now();
    stream.accessLogType = '';
    for (const logger of this.accessLogs) logger.log(stream);
  }

  /** Stops accepting. */
  stop(): void {
    this.stopped = true;
    for (const socket of this.sockets) socket.close();
    this.sockets = [];
  }

  /** From now on connections close as their requests end; idle ones at once. */
  drain(): void {
    this.draining = true;
    for (const { filter } of [...this.inUse.values(), ...[...this.leaving.values()].flat()])
      asEvent(() => filter.drain());
  }

  get activeConnections(): number {
    let active = 0;
    for (const { filter } of this.inUse.values()) active += filter.active;
    return active;
  }
}

function allChains({ filterChains, defaultFilterChain }: ListenerConfig): FilterChain[] {
  return defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
}

function endChain({ filter, tls }: FilterChainInUse): void {
  tls?.close();
  asEvent(() => filter.closeAll());
}

/** Closes a socket; what was read of it and nobody answers resets it, as it would had it not been read. */
function close(socket: Socket, unanswered: Buffer | undefined): void {
  // A unix socket cannot be reset.
  if (unanswered === undefined || socket.destroyed || socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

const NOWHERE: ListenPlace = { port: 0, fds: [] };
